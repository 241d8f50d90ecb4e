/** Configuration of the services outside that reports work with, below `fitnesscrm:tickets` and `fitnesscrm:sentry`. */
import { z } from "zod";

/** An API's address, as what is asked below it is appended. Whether it may be without TLS, only the whole can tell. */
function apiUrl(standard: string, other: string) {
  return z
    .string()
    .regex(
      /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*[^\s/?#])?$/,
      `must be a URL without a slash at its end such as ${other}`,
    )
    .default(standard);
}

export const tickets = z.strictObject({
  /** Where recurring errors are filed as issues. */
  repository: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.{1,2}$)[\w.-]{1,100}$/,
      "must be a repository at GitHub such as example/crm",
    ),
  apiUrl: apiUrl("https://api.github.com", "https://github.example.com/api/v3"),
});

const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,99}$/, "must be a slug as Sentry's addresses have it, such as fitness-crm");

export const sentry = z.strictObject({
  organization: slug,
  project: slug,
  apiUrl: apiUrl("https://sentry.io", "https://sentry.example.com"),
});

/** What each of them is entered with. */
export const OUTSIDE_TOKENS = { tickets: "githubToken", sentry: "sentryToken" } as const;
export type OutsideService = keyof typeof OUTSIDE_TOKENS;

export interface OutsideTogether {
  readonly tickets?: z.output<typeof tickets> | undefined;
  readonly sentry?: z.output<typeof sentry> | undefined;
  readonly secrets: Readonly<Partial<Record<(typeof OUTSIDE_TOKENS)[OutsideService], string>>>;
  /** Whether an emulator stands in for AWS, and other stand-ins may as well. */
  readonly emulated: boolean;
}

export interface OutsideFault {
  readonly path: readonly string[];
  readonly input: string | undefined;
  readonly message: string;
}

/** What is wrong with the whole: a token that is missing, or one that would go over the net in clear. */
export function outsideFaults(settings: OutsideTogether): OutsideFault[] {
  return (Object.keys(OUTSIDE_TOKENS) as OutsideService[]).flatMap((service) => {
    const url = settings[service]?.apiUrl;
    if (url === undefined) {
      return [];
    }
    const token = OUTSIDE_TOKENS[service];
    return [
      ...(settings.secrets[token] === undefined
        ? [
            {
              path: ["secrets", token],
              input: undefined,
              message: `must be set where ${service} is, by ./fitnesscrm secrets set ${token}`,
            },
          ]
        : []),
      ...(url.startsWith("http:") && !settings.emulated
        ? [{ path: [service, "apiUrl"], input: url, message: "must begin with https: a token is sent there" }]
        : []),
    ];
  });
}
