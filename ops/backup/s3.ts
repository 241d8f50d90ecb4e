import { createReadStream, createWriteStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  ChecksumAlgorithm,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { z } from "zod";
import { reasonOf } from "../health";
import { type Sum, summing } from "./crypt";
import { isGoneUpload, isMissing, isPassing, sayingSilence } from "./s3Errors";
import type { BackupSettings } from "./settings";

const credentialsSchema = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });

/** A few parts are in memory at a time. 10,000 parts of this size are 160 GB; a larger file gets larger parts. */
const PART_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 10_000;
const PARTS_AT_ONCE = 3;
const READ_CHUNK = 1024 * 1024;
/** How long S3 may be away. */
const PATIENCE_MS = 180_000;
const PAUSE_MS = { first: 1_000, longest: 15_000 };
/** Without a byte for this long a connection counts as dead: a third of the patience, so that there is time to ask again. */
const SILENCE_MS = { shortest: 5_000, longest: 60_000 };
const CONNECT_MS = 10_000;
/** For removing the parts of an upload that is given up; nobody waits for it longer. */
const FAREWELL_MS = 5_000;

export interface StoredObject {
  /** Below the prefix: `ID/manifest.json`. */
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface StoreOptions {
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
  /** Milliseconds for which a store that does not answer is asked again. */
  readonly patienceMs?: number;
  readonly log?: (line: string) => void;
  readonly waits?: Waits;
}

/** The clock by which patience is measured, in milliseconds. */
export interface Waits {
  now(): number;
  pause(milliseconds: number, signal?: AbortSignal): Promise<unknown>;
}

const REAL_WAITS: Waits = {
  now: () => performance.now(),
  pause: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
};

/**
 * The backups in the bucket. Keys are below the settings' prefix. Each call is repeated while S3 is away, for `patienceMs`
 * (3 minutes), and then rejects with one line that names the object.
 */
export interface BackupStore {
  /** Everything below a key, in the order of keys. */
  list(below?: string): Promise<StoredObject[]>;
  /** Undefined when there is no such object. */
  head(key: string): Promise<StoredObject | undefined>;
  /** A small object. Undefined when there is none. */
  getText(key: string): Promise<string | undefined>;
  /** Writes an object to a new file, and says what arrived. */
  getToFile(key: string, file: string): Promise<Sum>;
  /** Reads an object to its end and keeps nothing of it. */
  readThrough(key: string): Promise<Sum>;
  /**
   * Sends a file, in parts, each with a SHA-256 that S3 checks. A broken upload leaves no object. Its
   * parts go once S3 answers again, or by the bucket's lifecycle where it is away for good.
   */
  put(key: string, file: string): Promise<void>;
  putText(key: string, text: string): Promise<void>;
  close(): void;
}

/**
 * @param credentialsFile JSON {"accessKeyId", "secretAccessKey"}; read when the first call is made.
 */
export function backupStore(
  settings: Pick<BackupSettings, "bucket" | "prefix" | "region" | "endpoint">,
  credentialsFile: string,
  options: StoreOptions = {},
): BackupStore {
  const { signal, patienceMs = PATIENCE_MS, log = () => undefined, waits = REAL_WAITS } = options;
  const { bucket: Bucket, prefix, endpoint } = settings;
  const silence = Math.min(SILENCE_MS.longest, Math.max(SILENCE_MS.shortest, patienceMs / 3));
  const client = new S3Client({
    region: settings.region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    credentials: () => credentialsOf(credentialsFile),
    // Repeating is done here, where it is bounded by time and also covers bodies that break off.
    maxAttempts: 2,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: silence },
    // Whoever reads an object back compares its SHA-256 with the manifest's.
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const abortSignal = signal;

  async function patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    const deadline = waits.now() + patienceMs;
    for (let pause = PAUSE_MS.first; ; pause = Math.min(2 * pause, PAUSE_MS.longest)) {
      try {
        signal?.throwIfAborted();
        return await work();
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        const reason = sayingSilence(reasonOf(error));
        if (!isPassing(error) || waits.now() + pause > deadline) {
          const where = endpoint === undefined ? "S3" : `S3 at ${endpoint}`;
          throw new Error(`${where} could not ${what} in the bucket ${Bucket}: ${reason}`, { cause: error });
        }
        log(`S3 did not ${what}: ${reason}; trying again in ${pause / 1000} s`);
        await waits.pause(pause, signal);
      }
    }
  }

  /** Reads an object into a stream that `sink` makes anew for each attempt. */
  async function read(key: string, sink: () => Writable): Promise<Sum> {
    return patiently(`read ${prefix}${key}`, async () => {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key: prefix + key }), { abortSignal });
      const { stream, sum } = summing();
      await pipeline(answer.Body as Readable, stream, sink(), { signal });
      const found = sum();
      if (answer.ContentLength !== undefined && found.bytes !== answer.ContentLength) {
        throw new Error(`Content-Length is ${answer.ContentLength}, ${found.bytes} bytes arrived`);
      }
      return found;
    });
  }

  /** Parts of an upload that broke off are invisible, but paid for. What S3 refuses to remove is left to the bucket's lifecycle. */
  async function dropParts(key: string, uploadId: string, until = abortSignal): Promise<void> {
    try {
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key: prefix + key, UploadId: uploadId }), {
        abortSignal: until,
      });
    } catch (error) {
      if (until?.aborted || (isPassing(error) && !isGoneUpload(error))) throw error;
    }
  }

  async function send(key: string, body: () => Readable | Buffer, bytes: number): Promise<void> {
    const broken = new Set<string>();
    try {
      await patiently(`take ${prefix}${key}`, async () => {
        // Only now: an S3 that was away could not be told when the upload broke.
        for (const uploadId of broken) {
          await dropParts(key, uploadId);
          broken.delete(uploadId);
        }
        await attempt(key, body(), bytes, broken);
      });
    } catch (error) {
      for (const uploadId of broken) {
        await dropParts(key, uploadId, AbortSignal.timeout(FAREWELL_MS)).catch(() => undefined);
      }
      throw error;
    }
  }

  async function attempt(
    key: string,
    Body: Readable | Buffer,
    bytes: number,
    broken: Set<string>,
  ): Promise<void> {
    const upload = new Upload({
      client,
      params: { Bucket, Key: prefix + key, Body, ChecksumAlgorithm: ChecksumAlgorithm.SHA256 },
      partSize: Math.max(PART_BYTES, Math.ceil(bytes / (MAX_PARTS - 1))),
      queueSize: PARTS_AT_ONCE,
      leavePartsOnError: true,
    });
    const stop = () => void upload.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await upload.done();
    } catch (error) {
      if (upload.uploadId !== undefined) broken.add(upload.uploadId);
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      if (Body instanceof Readable) Body.destroy();
    }
  }

  return {
    async list(below = "") {
      const found: StoredObject[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await patiently(`list ${prefix}${below}`, () =>
          client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix + below, ContinuationToken }), {
            abortSignal,
          }),
        );
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          if (Key !== undefined && LastModified !== undefined) {
            found.push({ key: Key.slice(prefix.length), bytes: Size ?? 0, modifiedAt: LastModified });
          }
        }
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return found;
    },
    head(key) {
      return patiently(`look at ${prefix}${key}`, async () => {
        try {
          const head = await client.send(new HeadObjectCommand({ Bucket, Key: prefix + key }), {
            abortSignal,
          });
          return { key, bytes: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) };
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      });
    },
    getText(key) {
      return patiently(`read ${prefix}${key}`, async () => {
        try {
          const answer = await client.send(new GetObjectCommand({ Bucket, Key: prefix + key }), {
            abortSignal,
          });
          return await answer.Body?.transformToString("utf8");
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      });
    },
    getToFile(key, file) {
      // "w": what an attempt that broke off has left is written over.
      return read(key, () => createWriteStream(file, { mode: 0o600, highWaterMark: READ_CHUNK }));
    },
    readThrough(key) {
      return read(key, () => new Writable({ write: (_chunk, _encoding, next) => next() }));
    },
    async put(key, file) {
      const { size } = await stat(file);
      await send(key, () => createReadStream(file, { highWaterMark: READ_CHUNK }), size);
    },
    putText(key, text) {
      const body = Buffer.from(text, "utf8");
      return send(key, () => body, body.length);
    },
    close() {
      client.destroy();
    },
  };
}

async function credentialsOf(file: string): Promise<z.infer<typeof credentialsSchema>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `the secret ${file} is ${error.code === "ENOENT" ? "missing" : `not readable (${error.code})`}`,
    );
  });
  try {
    return credentialsSchema.parse(JSON.parse(text));
  } catch {
    // The parser's own message may quote what it read.
    throw new Error(`the secret ${file} is not JSON with accessKeyId and secretAccessKey`);
  }
}
