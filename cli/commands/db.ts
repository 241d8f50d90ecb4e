import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

const VIEWS = {
  connections: "who is connected, in what state and for how long; leaks are marked (M27)",
  slow: "the ten statements that took most of the server's time (M31)",
  logins: "who failed to log in within 24 hours, by account and address (M48, M49)",
  sizes: "the ten largest tables, and when they were vacuumed (M33)",
} as const;

export function register(program: Command): void {
  const group = program.command("db").description("look into the database");
  for (const name of Object.keys(VIEWS) as (keyof typeof VIEWS)[]) {
    group
      .command(name)
      .description(`show ${VIEWS[name]}`)
      .addOption(stackOption())
      .addOption(jsonOption())
      .addHelpText("after", example(`db ${name}`, `db ${name} --json`))
      .action(async (options: { stack: string; json?: boolean }) => {
        const { showDatabase } = await import("../database/show");
        await showDatabase(name, options);
      });
  }
}
