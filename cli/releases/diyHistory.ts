import * as zlib from "node:zlib";
import { z } from "zod";
import { PROJECT } from "../../config";
import { UserError } from "../errors";
import type { StackState } from "../pulumi";
import type { History, UpdateInfo } from "./history";

/** Files of a backend, by their keys below `.pulumi`'s parent. */
export interface FileStore {
  /** Keys that begin like this; none where there is no such folder. */
  list(prefix: string): Promise<string[]>;
  /** undefined when there is none. */
  read(key: string): Promise<Buffer | undefined>;
}

const entry = z.object({
  kind: z.string(),
  startTime: z.number(),
  result: z.enum(["succeeded", "failed", "in-progress"]),
  endTime: z.number(),
  resourceChanges: z.record(z.string(), z.number()).nullish(),
});

/** From this version on a checkpoint has the form that is read here. */
const CHECKPOINT_VERSION = 3;
const checkpoint = z.object({
  version: z.number().min(CHECKPOINT_VERSION),
  checkpoint: z.object({ latest: z.looseObject({ resources: z.array(z.unknown()).nullish() }).nullish() }),
});

/** At once; each is a request where the store is a bucket. */
const PARALLEL = 16;

/**
 * The history that Pulumi keeps beside the state on backends of one's own: two files an update, named by the moment in which
 * they were written.
 */
export class DiyHistory implements History {
  private found: Promise<string[]> | undefined;

  constructor(
    private readonly store: FileStore,
    private readonly stack: string,
  ) {}

  async updates(): Promise<UpdateInfo[]> {
    const moments = await this.moments();
    const updates: UpdateInfo[] = [];
    for (let start = 0; start < moments.length; start += PARALLEL) {
      const some = moments.slice(start, start + PARALLEL);
      updates.push(
        ...(await Promise.all(some.map((moment, index) => this.update(moment, start + index + 1)))),
      );
    }
    return updates;
  }

  async state(version: number): Promise<StackState | undefined> {
    const moment = (await this.moments())[version - 1];
    const bytes = moment === undefined ? undefined : await this.file(moment, "checkpoint");
    if (bytes === undefined) {
      return undefined;
    }
    const parsed = checkpoint.safeParse(parseJson(bytes));
    return parsed.success ? ((parsed.data.checkpoint.latest ?? { resources: [] }) as StackState) : undefined;
  }

  private async update(moment: string, version: number): Promise<UpdateInfo> {
    const bytes = await this.file(moment, "history");
    const parsed = entry.safeParse(bytes === undefined ? undefined : parseJson(bytes));
    if (!parsed.success) {
      // Its number stays taken, so that those after it keep theirs.
      const at = new Date(Number(BigInt(moment) / 1_000_000n)).toISOString();
      return { version, kind: "unknown", result: "failed", startedAt: at, endedAt: at, changes: null };
    }
    const { kind, result, startTime, endTime, resourceChanges } = parsed.data;
    return {
      version,
      kind,
      result,
      startedAt: isoOf(startTime),
      endedAt: result === "in-progress" ? null : isoOf(endTime),
      changes: resourceChanges ?? null,
    };
  }

  /** Nanoseconds in the names of the files, oldest first. */
  private moments(): Promise<string[]> {
    this.found ??= this.store.list(`${this.folder}/`).then((keys) => {
      const found = keys.flatMap((key) => {
        const [, name, moment] = /([^/]+)-(\d+)\.history\.json(?:\.gz|\.zst)?$/.exec(key) ?? [];
        return name === this.stack && moment !== undefined ? [moment] : [];
      });
      return found.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    });
    return this.found;
  }

  private get folder(): string {
    return `.pulumi/history/${PROJECT}/${this.stack}`;
  }

  private async file(moment: string, what: "history" | "checkpoint"): Promise<Buffer | undefined> {
    const key = `${this.folder}/${this.stack}-${moment}.${what}.json`;
    const plain = await this.store.read(key);
    if (plain !== undefined) {
      return plain;
    }
    const zipped = await this.store.read(`${key}.gz`);
    if (zipped !== undefined) {
      return unpacked(zlib.gunzipSync, zipped);
    }
    const packed = await this.store.read(`${key}.zst`);
    if (packed !== undefined && zstdDecompressSync === undefined) {
      throw new UserError(
        `history of stack ${this.stack}: ${key}.zst is compressed by zstd, which Node.js reads from 22.15 on: run this with ` +
          `such a one, not with ${process.version}`,
      );
    }
    return packed && zstdDecompressSync && unpacked(zstdDecompressSync, packed);
  }
}

type Unpack = (bytes: Buffer) => Buffer;

/** The oldest Node.js that the project runs on does not have it. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Unpack };

function unpacked(unpack: Unpack, bytes: Buffer): Buffer | undefined {
  try {
    return unpack(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
