import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { AttemptRecord } from "../../attempt";
import { type ConfigObject, rawOf } from "./config";
import { type Recording, record } from "./mocks";

const PROGRAM = join(__dirname, "../../index");
const RECORD = join(__dirname, "../../components/deploy/record");
const TUNNEL = join(__dirname, "../../components/database/tunnel");

/** What the program asked of the tunnel, which is not opened. */
export type TunnelRequest = Record<string, unknown>;

export interface ProgramRun {
  outputs: Record<string, pulumi.Input<unknown>>;
  tunnels: TunnelRequest[];
}

/**
 * Runs the whole Pulumi program against mocks. What in it reaches out of the process, the tunnel and the question for the last attempt, is replaced.
 *
 * @param tunnel What opening the tunnel ends with.
 * @param attempt What the Docker host has recorded of the last deployment.
 */
export async function recordProgram(
  stack: string,
  config: ConfigObject,
  tunnel: () => Promise<void> = async () => {},
  attempt?: AttemptRecord,
): Promise<Recording<ProgramRun>> {
  const tunnels: TunnelRequest[] = [];
  const restoreRecord = replaceModule(RECORD, { readRecord: async () => attempt });
  const restore = replaceModule(TUNNEL, {
    ensureTunnel: (request: TunnelRequest) => {
      tunnels.push(request);
      return tunnel();
    },
  });
  try {
    return await record(stack, () => {
      pulumi.runtime.setAllConfig(rawOf(config));
      // The program is what it does when it is loaded, so each run loads it anew.
      delete require.cache[require.resolve(PROGRAM)];
      return { outputs: require(PROGRAM) as ProgramRun["outputs"], tunnels };
    });
  } finally {
    delete require.cache[require.resolve(PROGRAM)];
    pulumi.runtime.setAllConfig({});
    restore();
    restoreRecord();
  }
}

function replaceModule(path: string, exports: object): () => void {
  const resolved = require.resolve(path);
  const before = require.cache[resolved];
  require(resolved);
  const loaded = require.cache[resolved];
  if (loaded === undefined) {
    throw new Error(`${resolved} is not kept by the module cache: it cannot be replaced`);
  }
  require.cache[resolved] = Object.assign(Object.create(Object.getPrototypeOf(loaded)), loaded, { exports });
  return () => {
    if (before === undefined) {
      delete require.cache[resolved];
    } else {
      require.cache[resolved] = before;
    }
  };
}
