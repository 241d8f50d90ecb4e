import type { Command, CommandArgs } from "@pulumi/command/local";
import type { Output, Unwrap } from "@pulumi/pulumi";

/** The arguments of `local.Command` once every input is resolved. */
export type CommandInputs = { [K in keyof CommandArgs]: Unwrap<CommandArgs[K]> };

/** The output properties of `local.Command`, `id` and `urn` left out. */
export type CommandState = {
  [K in keyof Command as K extends "id" | "urn"
    ? never
    : Command[K] extends Output<unknown>
      ? K
      : never]: Command[K] extends Output<infer T> ? T : never;
};
