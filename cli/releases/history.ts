import { UserError } from "../errors";
import type { Pulumi, StackState } from "../pulumi";
import { CloudHistory } from "./cloudHistory";
import { DiyHistory } from "./diyHistory";
import { folderStore } from "./folderStore";

/** One update in a state's history, whatever it did. */
export interface UpdateInfo {
  /** 1, 2, 3 … in order of time; Pulumi Cloud's `version`. */
  version: number;
  /** `update`, `refresh`, `destroy`, … */
  kind: string;
  result: "succeeded" | "failed" | "in-progress";
  /** ISO times. */
  startedAt: string;
  endedAt: string | null;
  /** Resources by what was done with them; null where nobody has counted. */
  changes: Record<string, number> | null;
}

/** What a backend remembers of a stack (M19). Reads, and keeps nothing. */
export interface History {
  /** Oldest first. */
  updates(): Promise<UpdateInfo[]>;
  /** The state that an update has left; undefined when it is gone or cannot be read any more. Secrets stay encrypted. */
  state(version: number): Promise<StackState | undefined>;
}

/** The history of a stack on the backend that holds its state. @throws UserError for a kind of backend that is not known. */
export async function openHistory(pulumi: Pulumi): Promise<History> {
  const url = await backendUrlOf(pulumi);
  const { stack } = pulumi.context;
  if (/^https?:/.test(url)) {
    return new CloudHistory(pulumi);
  }
  if (url.startsWith("file:")) {
    return new DiyHistory(folderStore(url), stack);
  }
  if (url.startsWith("s3:")) {
    // The SDK is loaded by those only who need it: it takes a moment.
    const { bucketStore } = await import("./bucketStore");
    return new DiyHistory(bucketStore(url), stack);
  }
  throw new UserError(
    `history of stack ${stack}: its state is at ${withoutSecrets(url)}: it can be read from a folder (file://), an S3 bucket ` +
      "(s3://) and Pulumi Cloud (https://)",
  );
}

async function backendUrlOf(pulumi: Pulumi): Promise<string> {
  const url = pulumi.environment.PULUMI_BACKEND_URL;
  if (url !== undefined && url !== "") {
    return url;
  }
  // Where its owner logged in to is known to `pulumi` alone.
  const answer = await pulumi.runChecked("backend of the state", ["whoami", "--json"]);
  return (JSON.parse(answer) as { url: string }).url;
}

/** A URL may have a user and a password in it. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").replace(/\?.*$/, "");
}
