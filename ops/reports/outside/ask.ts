/** Questions to services outside the stack, each with a token that no answer, error or other host gets to see. */
import { secret } from "../../checks";
import { reasonOf } from "../../health";
import { plain } from "../format";

/** A service outside, as it is asked. */
export interface Outside {
  /** In the words of messages, such as `GitHub`. */
  readonly name: string;
  /** Without a slash at its end; paths are appended. */
  readonly apiUrl: string;
  readonly token: string;
  /** What the service wants in every request beside the token. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What to do about a token that is refused, in the words of a command. */
  readonly remedy: string;
  readonly answerMs?: number;
}

export interface Question {
  readonly method: "GET" | "POST" | "PATCH";
  /** Below the service's address, or an address of the same host, as in an answer's `Link`. */
  readonly path: string;
  readonly body?: object;
}

export interface Answer {
  /** JSON; undefined where there is none. */
  readonly content: unknown;
  readonly headers: Headers;
}

const ANSWER_MS = 15_000;
const MOST_REDIRECTS = 3;
const MOST_BYTES = 16 * 1024 * 1024;
const LONGEST_REASON = 160;

/** The content of a token's file. @throws Error of one line that does not repeat it. */
export async function readToken(path: string): Promise<string> {
  const token = (await secret(path)).trim();
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Error(`the secret ${path} is no token: it must be one line of printable ASCII characters`);
  }
  return token;
}

/** @throws Error of one line with what is wrong and what to do, without the token; the signal's reason once it is aborted. */
export async function ask(outside: Outside, question: Question, signal: AbortSignal): Promise<Answer> {
  const { name, token, answerMs = ANSWER_MS } = outside;
  const limit = AbortSignal.timeout(answerMs);
  try {
    return await exchange(outside, question, AbortSignal.any([signal, limit]));
  } catch (error) {
    signal.throwIfAborted();
    const reason = limit.aborted
      ? `${name} gave no answer within ${answerMs / 1000} s`
      : error instanceof Refusal
        ? error.message
        : `${name} cannot be reached: ${causeOf(error)}`;
    // Whatever an answer or a library quotes of the request.
    throw new Error(reason.replaceAll(token, "[token]"));
  }
}

/** What a service has answered, as opposed to what hindered it from answering. */
class Refusal extends Error {}

async function exchange(outside: Outside, question: Question, signal: AbortSignal): Promise<Answer> {
  let url = addressOf(outside, question.path);
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const response = await fetch(url, requestOf(outside, question, signal));
    const next = await redirectOf(outside, url, response);
    if (next !== undefined) {
      url = next;
      continue;
    }
    const text = await limitedText(outside, response);
    if (!response.ok) {
      throw new Refusal(refusalOf(outside, response, text));
    }
    return { content: parsed(outside, text), headers: response.headers };
  }
  throw new Refusal(`${outside.name} leads from one address to the next: set its apiUrl to the last of them`);
}

function addressOf({ name, apiUrl }: Outside, path: string): URL {
  const url = path.startsWith("/") ? new URL(`${apiUrl}${path}`) : new URL(path);
  if (url.origin !== new URL(apiUrl).origin) {
    throw new Refusal(`${name} points to ${url.host}, which is not its own: the token is not sent there`);
  }
  return url;
}

function requestOf(
  { token, headers }: Outside,
  { method, body }: Question,
  signal: AbortSignal,
): RequestInit {
  return {
    method,
    signal,
    // By hand: a repository that was renamed redirects, and the token must not go along to another host.
    redirect: "manual",
    headers: {
      Authorization: `Bearer ${token}`,
      Accept: "application/json",
      "User-Agent": "fitnesscrm-ops",
      ...headers,
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

/** Where an answer leads, on the same host; undefined for one that leads nowhere. */
async function redirectOf(outside: Outside, from: URL, response: Response): Promise<URL | undefined> {
  const location = response.headers.get("location");
  if (![301, 302, 307, 308].includes(response.status) || location === null) {
    return undefined;
  }
  await response.body?.cancel();
  return addressOf(outside, new URL(location, from).href);
}

async function limitedText({ name }: Outside, { body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MOST_BYTES) {
      throw new Refusal(`${name} answered with more than ${MOST_BYTES / 1024 / 1024} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed({ name }: Outside, text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new Refusal(`${name} answered with something that is not JSON: look at its apiUrl`);
  }
}

function refusalOf({ name, remedy, token }: Outside, { status, headers }: Response, text: string): string {
  if (status === 401) {
    return `${name} does not take the token (401): ${remedy}`;
  }
  if (status === 429 || (status === 403 && isLimited(headers))) {
    return `${name} takes no more requests for now (${status})${untilOf(headers)}`;
  }
  const said = messageIn(text, token);
  const why = said === undefined ? "" : `: ${said}`;
  if (status === 403) {
    return `${name} does not let the token do that (403)${why}; ${remedy}`;
  }
  return status === 404
    ? `${name} does not know what was asked for, or hides it from the token (404): look at the settings; ${remedy}`
    : `${name} answered ${status}${why}`;
}

function isLimited(headers: Headers): boolean {
  return headers.get("x-ratelimit-remaining") === "0" || headers.has("retry-after");
}

/** When it goes on, as the service says: the next second of the epoch, or so many seconds. */
function untilOf(headers: Headers): string {
  const after = headers.get("retry-after") ?? "";
  if (/^\d{1,6}$/.test(after)) {
    return `, for ${after} s`;
  }
  const reset = headers.get("x-ratelimit-reset") ?? "";
  return /^\d{10}$/.test(reset)
    ? `, until ${new Date(Number(reset) * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`
    : "";
}

/** An answer's own reason: GitHub's `message`, Sentry's `detail`. */
function messageIn(text: string, token: string): string | undefined {
  try {
    const { message, detail } = JSON.parse(text) as { message?: unknown; detail?: unknown };
    const said = message ?? detail;
    // Before it is cut: a part of a token is a secret as well.
    return typeof said === "string" ? plain(said.replaceAll(token, "[token]"), LONGEST_REASON) : undefined;
  } catch {
    return undefined;
  }
}

/** Node says "fetch failed", and why in the error's cause. */
function causeOf(error: unknown): string {
  return reasonOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
