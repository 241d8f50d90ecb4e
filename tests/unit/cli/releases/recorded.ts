import { gzipSync } from "node:zlib";
import type { FileStore } from "../../../../cli/releases/diyHistory";
import recorded from "./recorded/history.json";

/**
 * A history as Pulumi 3.259 wrote it for a small program with the project's gates and images; where its sources stood was taken
 * out. In order: release 1, the same again, one that failed its verification, release 4, a refresh, one that its gate refused,
 * and a rollback to release 1.
 */
export const RECORDED = recorded;

const FOLDER = ".pulumi/history/fitnesscrm/recorded";

/** The recorded files in a store, which counts what is read. */
export class RecordedStore implements FileStore {
  readonly reads: string[] = [];
  readonly files = new Map<string, Buffer>();

  constructor(gzip = false) {
    for (const { moment, history, checkpoint } of recorded) {
      for (const [what, content] of Object.entries({ history, checkpoint })) {
        const bytes = Buffer.from(JSON.stringify(content));
        const key = `${FOLDER}/recorded-${moment}.${what}.json`;
        this.files.set(gzip ? `${key}.gz` : key, gzip ? gzipSync(bytes) : bytes);
        // What Go CDK puts beside each file of a folder.
        this.files.set(`${key}.attrs`, Buffer.from("{}"));
      }
    }
  }

  /** Key of a file of the update of that number. */
  key(version: number, what: "history" | "checkpoint"): string {
    return `${FOLDER}/recorded-${recorded[version - 1]?.moment}.${what}.json`;
  }

  async list(prefix: string): Promise<string[]> {
    // In no order that anybody may rely on.
    return [...this.files.keys()].filter((key) => key.startsWith(prefix)).reverse();
  }

  async read(key: string): Promise<Buffer | undefined> {
    const found = this.files.get(key);
    if (found !== undefined) {
      this.reads.push(key);
    }
    return found;
  }
}
