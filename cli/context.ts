import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import {
  ALL_SECRETS,
  type Config,
  ConfigError,
  isStackName,
  PROJECT,
  parseConfig,
  STACK_NAME_RULE,
  unsetKeys,
} from "../config";
import { UserError } from "./errors";
import {
  editStackFile,
  lackedSettings,
  mergeDefaults,
  parseSetting,
  rawConfig,
  readStackFile,
  type StackFile,
  setValue,
  writeStackFile,
} from "./stackFile";

/** Has the form of a private key of age, and is none. */
const STAND_IN_IDENTITY = `AGE-SECRET-KEY-1${"Q".repeat(58)}`;

/** The project's folder. */
export const PROJECT_FOLDER = resolve(__dirname, "..");

/** Folder for what outlives a checkout: tools, and the state and secrets of stacks that live on this machine. */
export function fitnesscrmHome(): string {
  const data = process.env.XDG_DATA_HOME || join(homedir(), ".local", "share");
  return process.env.FITNESSCRM_HOME || join(data, "fitnesscrm");
}

/**
 * One stack as the launcher works with it. A `local` one has its state, its settings and its secrets below
 * {@link fitnesscrmHome}, so that a run leaves the checkout clean; any other is the tracked `Pulumi.STACK.yaml` with the
 * backend and the passphrase of whoever runs it.
 */
export interface StackContext {
  readonly stack: string;
  readonly home: string;
  readonly kind: "local" | "remote";
  /** The settings file that Pulumi reads. */
  readonly configFile: string;
  /** Folder of the stack's own files: lock, passphrase, settings. */
  readonly folder: string;
}

const LOCAL_TEMPLATE = "Pulumi.local.yaml";

/** @throws UserError for a name that Pulumi would refuse. */
export function stackContext(stack: string): StackContext {
  if (!isStackName(stack)) {
    throw new UserError(`stack ${JSON.stringify(stack)} is not a name: ${STACK_NAME_RULE}`, 2);
  }
  const home = fitnesscrmHome();
  const folder = join(home, "stacks", stack);
  const tracked = join(PROJECT_FOLDER, `Pulumi.${stack}.yaml`);
  const isRemote = stack !== "local" && existsSync(tracked);
  return {
    stack,
    home,
    folder,
    kind: isRemote ? "remote" : "local",
    configFile: isRemote ? tracked : join(folder, `Pulumi.${stack}.yaml`),
  };
}

/** Settings that are known to be right, and what keeps them. */
export interface SettingsPlan {
  config: Config;
  /** What an existing local stack lacked and got from the tracked defaults, as `contacts.escalation`. */
  filledIn: string[];
  /** Writes them; to be called with the stack's lock held, right after they were planned. */
  save(): void;
}

/**
 * Works out a stack's settings from the tracked defaults, the live file and what the command line sets. Writes nothing.
 *
 * @param settings `KEY=VALUE`, kept for the next time; `KEY=null` takes a setting out, so that its default holds.
 * @throws UserError for every fault.
 */
export function planSettings(context: StackContext, settings: readonly string[]): SettingsPlan {
  const changes = settings.map(parseSetting);
  const change = (file: StackFile): StackFile =>
    changes.reduce((changed, { path, text }) => setValue(changed, path, text), file);
  if (context.kind === "remote") {
    return {
      config: parseSettings(change(readStackFile(context.configFile)), context.configFile),
      filledIn: [],
      // A tracked file belongs to people: its comments and its order stay.
      save: () => {
        if (changes.length > 0) {
          editStackFile(context.configFile, changes);
        }
      },
    };
  }
  const remembered = join(context.folder, "defaults.yaml");
  const read = (path: string): StackFile => (existsSync(path) ? readStackFile(path) : {});
  const tracked = readStackFile(join(PROJECT_FOLDER, LOCAL_TEMPLATE));
  const live = read(context.configFile);
  const changed = change(mergeDefaults(live, tracked, read(remembered)));
  // A setting that was removed is at its default again at once, not only the next time.
  const updated = mergeDefaults(changed, tracked, tracked);
  return {
    config: parseSettings(updated, context.configFile),
    filledIn: live.config === undefined ? [] : lackedSettings(live, tracked),
    save: () => {
      writeStackFile(context.configFile, updated);
      // After the settings: a kill in between makes the next run compare with the older defaults, which heals itself.
      writeStackFile(remembered, tracked);
    },
  };
}

/** {@link planSettings}, kept at once. The caller holds the stack's lock. */
export function updateSettings(context: StackContext, settings: readonly string[]): Config {
  const { config, save } = planSettings(context, settings);
  save();
  return config;
}

/**
 * A stack's settings, without writing anything. What a local stack lacks, because its defaults were copied before there was such a
 * setting, is at its default.
 */
export function readSettings(context: StackContext): StackFile {
  if (!existsSync(context.configFile)) {
    throw new UserError(
      context.kind === "local"
        ? `stack ${context.stack} does not exist yet: run ./fitnesscrm up${context.stack === "local" ? "" : ` --stack ${context.stack}`}`
        : `${context.configFile} does not exist`,
    );
  }
  const file = readStackFile(context.configFile);
  if (context.kind === "remote") {
    return file;
  }
  const tracked = readStackFile(join(PROJECT_FOLDER, LOCAL_TEMPLATE));
  return mergeDefaults(file, tracked, {});
}

/**
 * The settings, parsed. Secrets stay encrypted: their values are not looked at.
 *
 * @param builds Whether what they describe is to be built, so that the folder `app.source` has to be there.
 * @throws UserError for every fault, and for what still has to be set.
 */
export function parseSettings(file: StackFile, where: string, builds = true): Config {
  const raw = rawConfig(file);
  const unset = unsetKeys(raw);
  if (unset.length > 0) {
    throw new UserError(`${where}: still to be set: ${unset.join(", ")}`, 2);
  }
  const secrets = JSON.stringify(
    Object.fromEntries(
      ALL_SECRETS.map((name) => [name, name === "backupIdentity" ? STAND_IN_IDENTITY : "not-looked-at-here"]),
    ),
  );
  try {
    return parseConfig({ ...raw, [`${PROJECT}:secrets`]: secrets }, builds ? PROJECT_FOLDER : undefined);
  } catch (error) {
    throw error instanceof ConfigError ? new UserError(`${where}: ${error.message}`, 2) : error;
  }
}
