import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { ROOT } from "./documents";

/** The launcher's commands with their options, without running any. */
export async function launcher(): Promise<Command> {
  const program = new Command("fitnesscrm").enablePositionalOptions();
  const folder = join(ROOT, "cli", "commands");
  for (const file of readdirSync(folder)) {
    const { register }: { register(program: Command): void } = await import(join(folder, file));
    register(program);
  }
  return program;
}

/** A word that stands for what the reader puts there: `ALARM`, `key=VALUE`, `…`. */
const isPlaceholder = (word: string): boolean => /^[^a-z]*[A-Z]{2,}|^N$|…/.test(word);

/** What is wrong with a documented command line, in words; undefined where the launcher takes it. */
export function faultOf(program: Command, line: string): string | undefined {
  const words = wordsOf(line).slice(1);
  let command = program;
  let positional = 0;
  while (words.length > 0) {
    const word = words.shift() ?? "";
    if (word.startsWith("-")) {
      const fault = optionFault(command, word, words);
      if (fault !== undefined) {
        return fault;
      }
      continue;
    }
    const below = alternatives(command, word);
    if (positional === 0 && below !== undefined) {
      command = below;
      if (command.name() === "pulumi") {
        return undefined;
      }
      continue;
    }
    if (command.commands.length > 0 && isPlaceholder(word)) {
      return undefined;
    }
    positional++;
    if (positional > command.registeredArguments.length) {
      return `${command.name()} does not take ${word}`;
    }
  }
  return undefined;
}

/** The command of a word, or the first one of `open/note/close` where all are there. */
function alternatives(command: Command, word: string): Command | undefined {
  const found = word.split("/").map((name) => command.commands.find((child) => child.name() === name));
  return found.every((child) => child !== undefined) ? found[0] : undefined;
}

function optionFault(command: Command, word: string, rest: string[]): string | undefined {
  const [name = "", given] = word.split("=");
  if (name === "--help") {
    return undefined;
  }
  const option = command.options.find(({ long, short }) => long === name || short === name);
  if (option === undefined) {
    return `${command.name()} has no ${name}`;
  }
  if (!option.required && !option.optional) {
    return undefined;
  }
  const isGiven = given === undefined && rest[0]?.startsWith("-") === false;
  const value = given ?? (isGiven ? rest.shift() : undefined);
  if (value === undefined) {
    return option.optional ? undefined : `${command.name()} ${name} wants a value`;
  }
  const { argChoices } = option;
  return argChoices === undefined || argChoices.includes(value) || isPlaceholder(value)
    ? undefined
    : `${command.name()} ${name} does not take ${value}`;
}

/** Words as a shell has them; brackets and bars around what may be left out say nothing to it. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"[^"]*"|'[^']*'|[^\s[\],|]+/g)].map(([word]) => word.replace(/^["']|["']$/g, ""));
}
