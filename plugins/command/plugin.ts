import type { Plugin } from "../lib/types";
import { command } from "./command";

/** Stands in for the official `command` plugin for `local.Command`. */
export const plugin: Plugin<undefined> = {
  name: "command",
  version: "1.2.1",
  configure: async () => undefined,
  resources: [command],
};
