import { Option } from "commander";

/** Options that many commands share, with one text each. */
export function stackOption(): Option {
  return new Option("-s, --stack <name>", "stack to work on").default("local");
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON for a script");
}

export function yesOption(what: string): Option {
  return new Option("-y, --yes", `${what} without asking`);
}

/** Shown under a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  ./fitnesscrm ${line}`).join("\n")}`;
}
