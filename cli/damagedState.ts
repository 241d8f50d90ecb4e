import {
  closeSync,
  copyFileSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { StackContext } from "./context";
import { UserError } from "./errors";
import { stateFiles } from "./localState";

/** A state's file that holds something, and no state: it was cut short, or the disk gave back something else. */
interface Damage {
  file: string;
  bytes: number;
}

/** What is asked of a file before it takes the state's place; everything else in it is Pulumi's own. */
const checkpoint = z.object({
  version: z.number(),
  checkpoint: z.object({
    /** Absent before the first update. */
    latest: z.object({ manifest: z.object({ time: z.string() }) }).nullish(),
  }),
});

interface Copy {
  text: string;
  /** When the state was written; undefined before the first update. */
  at: Date | undefined;
  what: string;
}

/**
 * Puts a local stack's state back where its file is damaged: the newest that can be read of those that Pulumi keeps at the end of
 * every update, and of the one before the last write. The damaged file stays beside it. The caller holds the stack's lock, and
 * lets the next update look at what really exists.
 *
 * @returns One line that says so; undefined when the file is not damaged.
 * @throws UserError when there is no other that can be read.
 */
export async function recoverDamagedState(context: StackContext): Promise<string | undefined> {
  const damage = damageOf(context);
  if (damage === undefined) {
    return undefined;
  }
  const { state, previous, history } = stateFiles(context);
  const copy = newest(
    newestOf(history),
    readCopy(previous, "before the last write, in the middle of an update"),
  );
  if (copy === undefined) {
    throw new UserError(
      `${describe(context, damage)}, and neither ${history} nor ${previous} has one that can be read: bring one of them back ` +
        "from a copy of the disk, then run this again",
    );
  }
  const kept = `${state}.damaged-${new Date().toISOString().replace(/[-:.]/g, "")}`;
  copyFileSync(state, kept);
  replace(state, copy.text);
  const of = copy.at === undefined ? "from before the first update" : `of ${copy.at.toISOString()}`;
  return `${describe(context, damage)}: it is again the state ${of} (${copy.what}); the damaged one is kept as ${kept}`;
}

/** @throws UserError when the state's file is damaged: `pulumi` would only say that some JSON has come to its end. */
export function requireReadableState(context: StackContext): void {
  const damage = damageOf(context);
  if (damage !== undefined) {
    throw new UserError(
      `${describe(context, damage)}: ./fitnesscrm up --stack ${context.stack} puts it back from its history`,
    );
  }
}

function describe({ stack }: StackContext, { file, bytes }: Damage): string {
  return `the state's file of stack ${stack} is damaged (${file}: ${bytes} bytes that are no JSON)`;
}

function damageOf(context: StackContext): Damage | undefined {
  if (context.kind !== "local") {
    return undefined;
  }
  const { state } = stateFiles(context);
  const text = readText(state);
  if (text === undefined) {
    return undefined;
  }
  try {
    const json: unknown = JSON.parse(text);
    // Another format is for `pulumi` to judge.
    return typeof json === "object" && json !== null
      ? undefined
      : { file: state, bytes: Buffer.byteLength(text) };
  } catch {
    return { file: state, bytes: Buffer.byteLength(text) };
  }
}

const CHECKPOINT_NAME = /-(\d+)\.checkpoint\.json$/;

/** The state at the end of the last update whose copy can be read. */
function newestOf(history: string): Copy | undefined {
  const names = namesIn(history).filter((name) => CHECKPOINT_NAME.test(name));
  const stamp = (name: string): bigint => BigInt(CHECKPOINT_NAME.exec(name)?.[1] ?? 0);
  for (const name of names.sort((a, b) => (stamp(a) < stamp(b) ? 1 : -1))) {
    const copy = readCopy(join(history, name), `the end of an update, ${name}`);
    if (copy !== undefined) {
      return copy;
    }
  }
  return undefined;
}

/** Of two that were written in the same moment, the first. */
function newest(...copies: (Copy | undefined)[]): Copy | undefined {
  const readable = copies.filter((copy) => copy !== undefined);
  const time = ({ at }: Copy): number => at?.getTime() ?? 0;
  return readable.sort((a, b) => time(b) - time(a))[0];
}

function readCopy(file: string, what: string): Copy | undefined {
  const text = readText(file);
  try {
    const { latest } = checkpoint.parse(JSON.parse(text ?? "")).checkpoint;
    const at = latest ? new Date(latest.manifest.time) : undefined;
    return text === undefined || Number.isNaN(at?.getTime()) ? undefined : { text, at, what };
  } catch {
    return undefined;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whole or not at all, and on the disk when it returns: whatever damaged the file may happen again. */
function replace(file: string, text: string): void {
  // Pulumi takes a name with this ending for no stack.
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, file);
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
