import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where the launcher puts the Pulumi CLI. */
export const HOME_BIN = join(
  process.env.FITNESSCRM_HOME ??
    join(process.env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "fitnesscrm"),
  "bin",
);

/** The Pulumi CLI, if there is one. */
export function findCli(): string | undefined {
  return [HOME_BIN, ...(process.env.PATH ?? "").split(delimiter)]
    .map((folder) => join(folder, "pulumi"))
    .find((file) => existsSync(file));
}
