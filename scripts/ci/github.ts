/** The few calls to GitHub's API that the workflows make. */

/** What a workflow's environment says of where it runs. */
export interface Repository {
  /** E.g. `https://api.github.com`. */
  apiUrl: string;
  /** `owner/name`. */
  name: string;
  token: string;
}

/** A comment or an issue, as far as it is read. */
export interface Entry {
  id: number;
  number?: number;
  body: string | null;
  user: { login: string; type: string } | null;
  /** Issues are listed with pull requests, which have this. */
  pull_request?: unknown;
}

/** A call that hangs must not hold a job for hours. */
const LIMIT_MILLISECONDS = 30_000;

/** @throws Error naming the variable that is missing. */
export function repositoryOf(environment: NodeJS.ProcessEnv): Repository {
  return {
    apiUrl: (environment.GITHUB_API_URL || "https://api.github.com").replace(/\/$/, ""),
    name: variable(environment, "GITHUB_REPOSITORY"),
    token: variable(environment, "GITHUB_TOKEN"),
  };
}

export function variable(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name];
  if (!value) {
    throw new Error(`${name} is not set: the workflow has to hand it over`);
  }
  return value;
}

/** Sends one request. @throws Error with the status and GitHub's own message. */
export async function send(
  { apiUrl, token, name }: Repository,
  method: "GET" | "POST" | "PATCH",
  path: string,
  body?: object,
): Promise<{ json: unknown; next: string | undefined }> {
  const url = path.startsWith(apiUrl) ? path : `${apiUrl}/repos/${name}${path}`;
  const response = await fetch(url, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "x-github-api-version": "2022-11-28",
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(LIMIT_MILLISECONDS),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${url} answered ${response.status}: ${messageIn(text)}`);
  }
  const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  return { json: JSON.parse(text) as unknown, next };
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}

/** The first entry of a list that a workflow wrote and that begins with a marker. Others may quote the marker. */
export async function findMarked(
  repository: Repository,
  path: string,
  marker: string,
): Promise<Entry | undefined> {
  for (let page: string | undefined = path; page !== undefined; ) {
    const { json, next } = await send(repository, "GET", page);
    const found = (json as Entry[]).find(
      ({ body, user, pull_request }) =>
        user?.type === "Bot" && pull_request === undefined && body?.startsWith(marker),
    );
    if (found !== undefined) {
      return found;
    }
    page = next;
  }
  return undefined;
}

/** The first line of a text that the workflows put anywhere: an HTML comment that nobody sees. */
export function markerIn(text: string): string {
  const [line = ""] = text.split("\n");
  if (!/^<!-- \S+ \S+ -->$/.test(line)) {
    throw new Error(`the text begins with ${JSON.stringify(line.slice(0, 80))}, not with its marker`);
  }
  return line;
}

/** Runs a script's work; what goes wrong is one line and exit code 1. */
export async function main(work: () => Promise<string>): Promise<void> {
  try {
    process.stdout.write(`${await work()}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
