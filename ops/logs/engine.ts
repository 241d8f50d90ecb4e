/** The Docker engine's logs, through its reader's socket for logs (`images/engine`). */
import { type IncomingMessage, request } from "node:http";
import { z } from "zod";
import { frames } from "./frames";
import { type LogLine, timedLine } from "./model";

/** A task of a service that had a container. */
export interface LoggedTask {
  readonly id: string;
  /** Whether it still may write: its log is expected to be there. */
  readonly active: boolean;
}

/** Where logs come from. */
export interface LogSource {
  /** What the clock shows by which lines are dated, which need not be this container's. */
  now(signal: AbortSignal): Promise<Date>;
  /** Tasks of a Swarm service, oldest first. None for a service that there is not. */
  tasks(service: string, signal: AbortSignal): Promise<LoggedTask[]>;
  /** What a task wrote from a moment on (milliseconds), in its order. @throws GoneError where the engine has no log of it. */
  lines(task: string, since: number, signal: AbortSignal): AsyncIterable<LogLine>;
}

/** The engine has no log of a task any more. */
export class GoneError extends Error {}

const tasksAnswer = z.array(
  z.object({
    ID: z.string().regex(/^[a-z0-9]+$/),
    CreatedAt: z.string(),
    Status: z.object({
      State: z.string(),
      ContainerStatus: z.object({ ContainerID: z.string().optional() }).optional(),
    }),
  }),
);

const ENDED: readonly string[] = ["complete", "shutdown", "failed", "rejected", "remove", "orphaned"];
/** Without a byte for so long the engine counts as stuck. */
const SILENCE_MS = 20_000;
const LONGEST_ANSWER = 16 * 1024 * 1024;

/** @param socketPath Of the engine's reader. */
export function engineLogs(socketPath: string): LogSource {
  return {
    async now(signal) {
      // Refused, like everything that is not on its list, and dated like every answer.
      const answer = await get(socketPath, "/", signal);
      answer.resume();
      const now = new Date(answer.headers.date ?? "");
      if (Number.isNaN(now.getTime())) {
        throw new Error("the engine's reader does not say what time it is");
      }
      return now;
    },
    async tasks(service, signal) {
      const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
      const answer = await get(socketPath, `/tasks?filters=${filters}`, signal);
      const body = await whole(answer);
      if (answer.statusCode === 404) {
        return [];
      }
      if (answer.statusCode !== 200) {
        throw refused(answer, body);
      }
      const parsed = tasksAnswer.safeParse(json(body));
      if (!parsed.success) {
        throw new Error("the engine's list of tasks is not what was expected");
      }
      return parsed.data
        .filter(({ Status }) => Status.ContainerStatus?.ContainerID)
        .sort((a, b) => a.CreatedAt.localeCompare(b.CreatedAt))
        .map(({ ID, Status }) => ({ id: ID, active: !ENDED.includes(Status.State) }));
    },
    async *lines(task, since, signal) {
      const path = `/tasks/${task}/logs?stdout=1&stderr=1&timestamps=1&since=${sinceArgument(since)}`;
      const answer = await get(socketPath, path, signal);
      if (answer.statusCode !== 200) {
        const reason = refused(answer, await whole(answer));
        throw answer.statusCode === 404 ? new GoneError(reason.message) : reason;
      }
      try {
        yield* linesOf(answer, task);
      } finally {
        answer.destroy();
      }
    },
  };
}

/** Seconds since 1970 with nanoseconds, as the engine takes a moment. */
export function sinceArgument(moment: number): string {
  return `${Math.floor(moment / 1000)}.${String(moment % 1000).padStart(3, "0")}000000`;
}

/** The lines in a task's stream. @throws Error of one line when it is cut, or the engine says that it is. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, task: string): AsyncGenerator<LogLine> {
  let before: string | undefined;
  for await (const { stream, content } of frames(chunks)) {
    const text = content.toString("utf8").replace(/\r?\n$/, "");
    if (stream === "system") {
      if (isMissingOnly(text)) continue;
      throw new Error(`the engine cannot read all of it: ${text.trim().split("\n")[0]}`);
    }
    const timed = timedLine(text) ?? (before === undefined ? undefined : { time: before, line: text });
    if (timed === undefined) {
      throw new Error("the engine's log has a line without its time");
    }
    before = timed.time;
    yield { ...timed, task, stream };
  }
}

/** Whether the engine only complains of tasks that never ran, and have written nothing. */
function isMissingOnly(text: string): boolean {
  const [, reasons] = /following reasons: (.*)$/s.exec(text) ?? [];
  return (
    reasons?.split(", ").every((reason) => /^task \S+ has not been scheduled$/.test(reason.trim())) ?? false
  );
}

function get(socketPath: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath,
      path,
      signal,
      headers: { Host: "engine", Connection: "close" },
      agent: false,
    });
    asked.setTimeout(SILENCE_MS, () =>
      asked.destroy(new Error(`the engine was silent for ${SILENCE_MS / 1000} s`)),
    );
    asked.once("response", resolve);
    asked.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT" || error.code === "ECONNREFUSED"
          ? new Error("the engine's reader does not answer: the service engine does not run on this node")
          : error,
      ),
    );
    asked.end();
  });
}

async function whole(answer: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer) {
    bytes += part.length;
    if (bytes > LONGEST_ANSWER) {
      throw new Error("the engine's answer does not end");
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused({ statusCode }: IncomingMessage, body: string): Error {
  const said = z.object({ message: z.string() }).safeParse(json(body));
  const reason = said.success ? `: ${said.data.message.split("\n")[0]}` : "";
  return new Error(`the engine answered ${statusCode}${reason}`);
}
