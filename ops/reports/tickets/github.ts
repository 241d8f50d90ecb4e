import { z } from "zod";
import { type Answer, ask, type Outside, type Question } from "../outside/ask";
import { LABEL } from "./text";

/** An issue, as far as tickets look at it. */
export interface Issue {
  readonly number: number;
  readonly open: boolean;
  /** ISO; null for one that is open. */
  readonly closedAt: string | null;
  /** Closed by somebody who will do nothing about it. */
  readonly declined: boolean;
  readonly body: string;
}

/** The issues of one repository, as filing needs them. Each question may fail, with one line. */
export interface Issues {
  /** Those with the label, open or closed. */
  list(signal: AbortSignal): Promise<Issue[]>;
  create(title: string, body: string, signal: AbortSignal): Promise<void>;
  change(number: number, change: { body: string; state?: "open" }, signal: AbortSignal): Promise<void>;
  comment(number: number, body: string, signal: AbortSignal): Promise<void>;
}

export interface GitHubPlace {
  readonly repository: string;
  readonly apiUrl: string;
  readonly token: string;
  readonly answerMs?: number;
}

const PAGE = 100;
/** More than anybody has open; a list that never ends must end here. */
const MOST_PAGES = 30;

const wire = z.object({
  number: z.number().int(),
  state: z.string(),
  state_reason: z.string().nullish(),
  closed_at: z.iso.datetime({ offset: true }).nullish(),
  body: z.string().nullish(),
  labels: z.array(z.union([z.string(), z.object({ name: z.string().nullish() })])),
  /** GitHub lists pull requests as issues. */
  pull_request: z.unknown().optional(),
});
type Wire = z.infer<typeof wire>;

/** By listing rather than searching: what was filed a moment ago is not in GitHub's search yet, and would be filed again. */
export function gitHubIssues({ repository, ...place }: GitHubPlace): Issues {
  const gitHub: Outside = {
    ...place,
    name: "GitHub",
    headers: { Accept: "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28" },
    remedy: `./fitnesscrm secrets set githubToken hands over one that may write issues of ${repository}`,
  };
  const put = (
    method: Question["method"],
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Answer> => ask(gitHub, { method, path: `/repos/${repository}/issues${path}`, body }, signal);

  return {
    async list(signal) {
      const found: Wire[] = [];
      let path: string | undefined = `/repos/${repository}/issues?labels=${LABEL}&state=all&per_page=${PAGE}`;
      for (let page = 0; path !== undefined; page++) {
        if (page === MOST_PAGES) {
          // Going on without the rest would file it a second time.
          throw new Error(
            `${repository} has more than ${MOST_PAGES * PAGE} issues with the label ${LABEL}: take it off old ones`,
          );
        }
        const { content, headers } = await ask(gitHub, { method: "GET", path }, signal);
        found.push(...issuesIn(content));
        path = nextPage(headers.get("link"));
      }
      return found.filter((one) => one.pull_request === undefined).map(issueOf);
    },

    async create(title, body, signal) {
      const { content } = await put("POST", "", { title, body, labels: [LABEL] }, signal);
      const made = wire.safeParse(content);
      if (made.success && !labelsOf(made.data).includes(LABEL)) {
        // GitHub leaves labels out, without a word, for who may not push.
        throw new Error(
          `GitHub filed an issue without the label ${LABEL}, by which it is found again: the token's owner must be able to push to ${repository}`,
        );
      }
    },

    async change(number, change, signal) {
      await put("PATCH", `/${number}`, change, signal);
    },

    async comment(number, body, signal) {
      await put("POST", `/${number}/comments`, { body }, signal);
    },
  };
}

function issuesIn(content: unknown): Wire[] {
  const list = z.array(wire).safeParse(content);
  if (!list.success) {
    throw new Error("GitHub answered with something that is no list of issues: look at tickets.apiUrl");
  }
  return list.data;
}

function issueOf(one: Wire): Issue {
  return {
    number: one.number,
    open: one.state === "open",
    closedAt: one.closed_at ?? null,
    declined:
      one.state !== "open" && (one.state_reason === "not_planned" || one.state_reason === "duplicate"),
    body: one.body ?? "",
  };
}

function labelsOf({ labels }: Wire): string[] {
  return labels.map((label) => (typeof label === "string" ? label : (label.name ?? "")));
}

/** Address of the next page in a `Link` header; undefined on the last one. */
export function nextPage(link: string | null): string | undefined {
  return /<([^<>]+)>\s*;[^,<>]*\brel="?next"?/.exec(link ?? "")?.[1];
}
