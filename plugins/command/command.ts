import { randomBytes } from "node:crypto";
import { type Context, type Failure, type Props, type ResourceHandler, UNKNOWN } from "../lib/types";
import { type Printed, run } from "./run";
import type { CommandInputs, CommandState } from "./types";

interface Rule {
  readonly type: "string" | "boolean" | "strings" | "stringMap" | "list";
  readonly oneOf?: readonly string[];
  readonly refuse?: string;
}

const NO_ASSETS = "is not supported by this plugin: read the files from a later command instead";

const RULES: { readonly [K in keyof Required<CommandInputs>]: Rule } = {
  create: { type: "string" },
  update: { type: "string" },
  delete: { type: "string" },
  triggers: { type: "list" },
  stdin: { type: "string" },
  environment: { type: "stringMap" },
  dir: { type: "string" },
  interpreter: { type: "strings" },
  logging: { type: "string", oneOf: ["stdout", "stderr", "stdoutAndStderr", "none"] },
  addPreviousOutputInEnv: { type: "boolean" },
  archivePaths: { type: "strings", refuse: NO_ASSETS },
  assetPaths: { type: "strings", refuse: NO_ASSETS },
};

const isText = (value: unknown): boolean => typeof value === "string" || value === UNKNOWN;

function wrongType(type: Rule["type"], value: unknown): string | undefined {
  switch (type) {
    case "list":
      return Array.isArray(value) ? undefined : "must be a list";
    case "strings":
      return Array.isArray(value) && value.every(isText) ? undefined : "must be a list of strings";
    case "stringMap":
      return typeof value === "object" && !Array.isArray(value) && Object.values(value ?? {}).every(isText)
        ? undefined
        : "must map names to strings";
    default:
      return typeof value === type ? undefined : `must be a ${type}`;
  }
}

function check(news: Props): { inputs: Props; failures: Failure[] } {
  const failures: Failure[] = [];
  const rules: Readonly<Record<string, Rule>> = RULES;
  for (const [property, value] of Object.entries(news)) {
    const rule = rules[property];
    if (rule === undefined) {
      failures.push({ property, reason: "is not a property of this resource" });
    } else if (value !== undefined && value !== null && value !== UNKNOWN) {
      const reason = rule.refuse ?? wrongType(rule.type, value) ?? wrongChoice(rule, value);
      if (reason !== undefined) {
        failures.push({ property, reason });
      }
    }
  }
  return { inputs: news, failures };
}

function wrongChoice(rule: Rule, value: unknown): string | undefined {
  return rule.oneOf === undefined || rule.oneOf.includes(String(value))
    ? undefined
    : `${JSON.stringify(value)} is not one of ${rule.oneOf.join(", ")}`;
}

const DEFAULT_INTERPRETER = ["/bin/sh", "-c"];
const NOTHING_PRINTED: Printed = { stdout: "", stderr: "" };

async function execute(
  command: string,
  inputs: CommandInputs,
  previous: Printed,
  context: Context,
): Promise<Printed> {
  const { interpreter, logging } = inputs;
  const environment: Record<string, string> = { ...inputs.environment };
  if (inputs.addPreviousOutputInEnv ?? true) {
    if (previous.stdout !== "") {
      environment.PULUMI_COMMAND_STDOUT = previous.stdout;
    }
    if (previous.stderr !== "") {
      environment.PULUMI_COMMAND_STDERR = previous.stderr;
    }
  }
  return run(
    {
      command,
      interpreter: interpreter !== undefined && interpreter.length > 0 ? interpreter : DEFAULT_INTERPRETER,
      dir: inputs.dir,
      environment,
      stdin: inputs.stdin,
      log: {
        stdout: logging === undefined || logging === "stdout" || logging === "stdoutAndStderr",
        stderr: logging === undefined || logging === "stderr" || logging === "stdoutAndStderr",
      },
    },
    context,
  );
}

function stateOf(inputs: CommandInputs, printed: Printed): CommandState {
  return {
    addPreviousOutputInEnv: inputs.addPreviousOutputInEnv,
    create: inputs.create,
    update: inputs.update,
    delete: inputs.delete,
    triggers: inputs.triggers,
    stdin: inputs.stdin,
    environment: inputs.environment,
    dir: inputs.dir,
    interpreter: inputs.interpreter,
    logging: inputs.logging,
    archivePaths: undefined,
    assetPaths: undefined,
    archive: undefined,
    assets: undefined,
    stdout: printed.stdout,
    stderr: printed.stderr,
  };
}

function printedBy(state: CommandState): Printed {
  return { stdout: state.stdout ?? "", stderr: state.stderr ?? "" };
}

/**
 * `command.local.Command`. Its id is the resource's name with 8 hex digits. A change of the triggers replaces it; any
 * other change runs `update`, or `create` where there is no `update`. Nothing outside the state can drift.
 */
export const command: ResourceHandler<undefined, CommandInputs, CommandState> = {
  token: "command:local:Command",
  replaceOn: ["triggers"],
  check,
  preview: (inputs) => ({ ...inputs, stdout: UNKNOWN, stderr: UNKNOWN }),
  async create(_config, inputs, context) {
    const name = context.urn.slice(context.urn.lastIndexOf("::") + 2);
    const printed =
      inputs.create === undefined
        ? NOTHING_PRINTED
        : await execute(inputs.create, inputs, NOTHING_PRINTED, context);
    return { id: `${name}${randomBytes(4).toString("hex")}`, state: stateOf(inputs, printed) };
  },
  async read(_config, id, state, oldInputs) {
    if (state === undefined) {
      throw new Error(
        `command ${JSON.stringify(id)} cannot be imported: a command is nothing that exists by itself`,
      );
    }
    return { id, state, inputs: oldInputs };
  },
  async update(_config, _id, old, news, _oldInputs, context) {
    const text = news.update ?? news.create;
    const printed = text === undefined ? printedBy(old) : await execute(text, news, printedBy(old), context);
    return stateOf(news, printed);
  },
  async delete(_config, _id, state, context) {
    if (state.delete !== undefined) {
      await execute(state.delete, state, printedBy(state), context);
    }
  },
};
