import { z } from "zod";
import { ask, type Outside } from "./ask";

/** An issue of Sentry's: events that are alike. */
export interface SentryIssue {
  readonly id: string;
  readonly title: string;
  /** Where in the code, as Sentry has it. */
  readonly culprit: string;
  /** Of the time that was asked about. */
  readonly events: number;
  readonly users: number;
  /** ISO times. */
  readonly first: string;
  readonly last: string;
  /** Its page; empty where what Sentry said is no address. */
  readonly link: string;
}

export interface SentryPlace {
  readonly organization: string;
  readonly project: string;
  readonly apiUrl: string;
  readonly token: string;
  readonly answerMs?: number;
}

/** So many are shown; who has more looks at Sentry itself. */
export const MOST_ISSUES = 15;

const wire = z.object({
  id: z.string(),
  title: z.string(),
  culprit: z.string().nullish(),
  /** Text: Sentry's numbers may be larger than JavaScript's. */
  count: z.union([z.string().regex(/^\d+$/), z.number().int().nonnegative()]),
  userCount: z.number().int().nonnegative().nullish(),
  firstSeen: z.iso.datetime({ offset: true }),
  lastSeen: z.iso.datetime({ offset: true }),
  permalink: z.string().nullish(),
});

/**
 * The unresolved issues of the last days, the most frequent first.
 *
 * @throws Error of one line with what is wrong and what to do, without the token.
 */
export async function sentryIssues(
  { organization, project, ...place }: SentryPlace,
  days: number,
  signal: AbortSignal,
): Promise<SentryIssue[]> {
  const sentry: Outside = {
    ...place,
    name: "Sentry",
    remedy: `./fitnesscrm secrets set sentryToken hands over one that may read issues of ${organization} (event:read)`,
  };
  // The organization's issues: those of a project can be asked for a day or two weeks, never for one.
  const query = new URLSearchParams({
    query: `is:unresolved project:${project}`,
    statsPeriod: `${days}d`,
    sort: "freq",
    limit: String(MOST_ISSUES),
  });
  const path = `/api/0/organizations/${organization}/issues/?${query}`;
  const { content } = await ask(sentry, { method: "GET", path }, signal);
  const list = z.array(wire).safeParse(content);
  if (!list.success) {
    throw new Error("Sentry answered with something that is no list of issues: look at sentry.apiUrl");
  }
  return list.data.slice(0, MOST_ISSUES).map(issueOf);
}

function issueOf(one: z.infer<typeof wire>): SentryIssue {
  return {
    id: one.id,
    title: one.title,
    culprit: one.culprit ?? "",
    events: Number(one.count),
    users: one.userCount ?? 0,
    first: one.firstSeen,
    last: one.lastSeen,
    link: linkOf(one.permalink ?? ""),
  };
}

/** Mail clients make links of what looks like one. */
function linkOf(text: string): string {
  return /^https?:\/\/[^\s@]+$/.test(text) && URL.canParse(text) ? text : "";
}
