import type {
  Database,
  DatabaseArgs,
  DefaultPrivileges,
  DefaultPrivilegesArgs,
  Extension,
  ExtensionArgs,
  Grant,
  GrantArgs,
  GrantRole,
  GrantRoleArgs,
  ProviderArgs,
  Role,
  RoleArgs,
  Schema,
  SchemaArgs,
} from "@pulumi/postgresql";
import type { Output, Unwrap } from "@pulumi/pulumi";

/** The arguments of a resource once every input is resolved. */
type Resolved<Args> = { [K in keyof Args]: Unwrap<Args[K]> };

/** The output properties of a resource, `id` and `urn` left out. */
type StateOf<R> = {
  [K in keyof R as K extends "id" | "urn"
    ? never
    : R[K] extends Output<unknown>
      ? K
      : never]: R[K] extends Output<infer T> ? T : never;
};

export type ProviderInputs = Resolved<ProviderArgs>;
export type RoleInputs = Resolved<RoleArgs>;
export type RoleState = StateOf<Role>;
export type DatabaseInputs = Resolved<DatabaseArgs>;
export type DatabaseState = StateOf<Database>;
export type SchemaInputs = Resolved<SchemaArgs>;
export type SchemaState = StateOf<Schema>;
export type GrantInputs = Resolved<GrantArgs>;
export type GrantState = StateOf<Grant>;
export type GrantRoleInputs = Resolved<GrantRoleArgs>;
export type GrantRoleState = StateOf<GrantRole>;
export type DefaultPrivilegesInputs = Resolved<DefaultPrivilegesArgs>;
export type DefaultPrivilegesState = StateOf<DefaultPrivileges>;
export type ExtensionInputs = Resolved<ExtensionArgs>;
export type ExtensionState = StateOf<Extension>;
