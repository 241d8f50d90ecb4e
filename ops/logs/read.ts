/** Reads archived logs for the launcher, in the container that has the key. */
import { once } from "node:events";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { BackupSettings } from "../backup/settings";
import { withFolder } from "../restore/scratch";
import type { RestorePlaces } from "../restore/source";
import { plainZstd } from "../restore/unpack";
import { withLogs } from "./bucket";
import {
  type ArchiveAnswer,
  covers,
  fixed,
  keyOf,
  type LogLine,
  type LogRequest,
  logLine,
  type Segment,
  segmentOf,
  segmentsFor,
} from "./model";

/** Somebody waits for it, who has the engine's lines meanwhile. */
const PATIENCE_MS = 15_000;
const DRAIN_MS = 300_000;
/** What a run that was killed has left is nobody's any more after this time. */
const LEFT_MS = 86_400_000;
const FOLDER = ".logs-";

/** Where segments come from. */
export interface LogReader {
  segments(): Promise<Segment[]>;
  /** The plain content of a segment, checked to be authentic. */
  content(segment: Segment): Promise<Readable>;
}

/**
 * Writes what is asked for: `ArchiveAnswer`, one document a line.
 *
 * @throws Error of one line: S3 that is away, a key that does not open a segment, one that is damaged.
 */
export async function answerLogs(request: LogRequest, reader: LogReader, out: Writable): Promise<void> {
  const say = async (document: ArchiveAnswer): Promise<void> => {
    if (!out.write(`${JSON.stringify(document)}\n`)) {
      // The launcher takes whatever comes: one that was ended leaves us a pipe that nobody empties.
      await once(out, "drain", { signal: AbortSignal.timeout(DRAIN_MS) });
    }
  };
  const segments = segmentsFor(await reader.segments(), request);
  await say({ segments: [...segments] });
  const pattern = request.grep === undefined ? undefined : new RegExp(request.grep);
  const [since, until] = [fixed(request.since), fixed(request.until)];
  for (const [index, segment] of segments.entries()) {
    // Two runs of a stack that were not one after the other may have archived the same time.
    const before = segments.slice(0, index).filter(({ service }) => service === segment.service);
    for await (const text of linesOf(await reader.content(segment))) {
      const { time, line } = parse(text, segment);
      if (
        time >= since &&
        time < until &&
        covers(segment, time) &&
        !before.some((one) => covers(one, time)) &&
        (pattern === undefined || pattern.test(line))
      ) {
        await say({ service: segment.service, time, line });
      }
    }
    await say({ done: index });
  }
}

/** Not by readline: what fails the stream has to fail this. */
async function* linesOf(content: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of content) {
    const parts = (rest + decoder.write(chunk)).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  rest += decoder.end();
  if (rest !== "") {
    yield rest;
  }
}

function parse(text: string, segment: Segment): LogLine {
  try {
    return logLine.parse(JSON.parse(text));
  } catch {
    // What stands there is not shown: nobody knows what it is.
    throw new Error(`${keyOf(segment)} in S3 has a line that is none of a log: it is damaged`);
  }
}

/** Others may be reading at the same time: only what is old goes. */
async function removeLeft(scratch: string): Promise<void> {
  for (const name of (await readdir(scratch)).filter((each) => each.startsWith(FOLDER))) {
    const folder = join(scratch, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > LEFT_MS) {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Answers out of the stack's bucket, with the key of the backups. */
export async function readLogs(
  settings: BackupSettings,
  request: LogRequest,
  out: Writable,
  { signal }: { signal: AbortSignal },
  { secrets, scratch }: Pick<RestorePlaces, "secrets" | "scratch">,
): Promise<void> {
  await withLogs(settings, secrets, "backup_reader", { signal, patienceMs: PATIENCE_MS }, async (store) => {
    await removeLeft(scratch);
    await withFolder(scratch, FOLDER, async (folder) => {
      const file = join(folder, "segment");
      const reader: LogReader = {
        segments: async () => (await store.list()).flatMap(({ key }) => segmentOf(key) ?? []),
        content: async (segment) => {
          await store.getToFile(keyOf(segment), file);
          return plainZstd(join(secrets, "backup_identity"), file, signal);
        },
      };
      await answerLogs(request, reader, out);
    });
  });
}
