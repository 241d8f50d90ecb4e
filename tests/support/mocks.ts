import { setImmediate as nextTurn } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb";
import type { MockMonitor, MockResourceArgs } from "@pulumi/pulumi/runtime/mocks";
import { getMonitor } from "@pulumi/pulumi/runtime/settings";

/** One resource as a program registered it. */
export interface Recorded {
  type: string;
  name: string;
  urn: string;
  /** URN of the parent; empty for the stack itself. */
  parent: string;
  custom: boolean;
  /** Inputs as the engine gets them; a secret is `{ secret: value }`. */
  inputs: Record<string, unknown>;
  protect: boolean;
  deleteBeforeReplace: boolean;
  deletedWith: string;
  /** URNs. */
  dependsOn: string[];
  /** URNs that a property takes its value from, by property. */
  propertyDependencies: Record<string, string[]>;
  ignoreChanges: string[];
  additionalSecretOutputs: string[];
  timeouts: { create: string; update: string; delete: string } | undefined;
  /** URN of the provider instance; empty for the default one. */
  provider: string;
}

export interface Recording<T> {
  result: T;
  resources: Recorded[];
}

/** State of a mocked resource beside its inputs; what it does not say, `defaultState` does. */
export type StateOf = (args: MockResourceArgs) => Record<string, unknown>;

const PROJECT = "fitnesscrm";
/** Turns of the event loop without a registration after which a program counts as finished. */
const QUIET_TURNS = 5;
const SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d";

/**
 * Runs a piece of a Pulumi program against mocks and records every resource that it registers, in no particular order.
 *
 * The mocks are the process's own, so each call sets them anew: no test sees what another one left.
 */
export async function record<T>(
  stack: string,
  program: () => T | Promise<T>,
  stateOf: StateOf = () => ({}),
): Promise<Recording<T>> {
  const resources: Recorded[] = [];
  const mocks: pulumi.runtime.Mocks = {
    newResource: (args) => ({ id: idOf(args), state: { ...defaultState(args), ...stateOf(args) } }),
    call: ({ token }) => {
      throw new Error(`the program called ${token}: a component must not ask a provider`);
    },
  };
  await pulumi.runtime.setMocks(mocks, PROJECT, stack);
  listen(getMonitor() as unknown as MockMonitor, resources);
  const result = await program();
  await quiet(resources);
  await pulumi.runtime.disconnect();
  return { result, resources };
}

type Respond = (error: unknown, response: RegisterResourceResponse | undefined) => void;

/** Keeps what a registration says beside the inputs, which is all that the mocks get to see. */
function listen(monitor: MockMonitor, records: Recorded[]): void {
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: RegisterResourceRequest, respond: Respond): Promise<void> => {
    const recorded = readRequest(request);
    records.push(recorded);
    return register(request, (error: unknown, response: RegisterResourceResponse | undefined) => {
      recorded.urn = response?.getUrn() ?? "";
      respond(error, response);
    });
  };
}

function readRequest(request: RegisterResourceRequest): Recorded {
  const timeouts = request.getCustomtimeouts();
  return {
    type: request.getType(),
    name: request.getName(),
    urn: "",
    parent: request.getParent(),
    custom: request.getCustom(),
    inputs: unwrapSecrets(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
    protect: request.getProtect() ?? false,
    deleteBeforeReplace: request.getDeletebeforereplace(),
    deletedWith: request.getDeletedwith(),
    dependsOn: request.getDependenciesList(),
    propertyDependencies: Object.fromEntries(
      [...request.getPropertydependenciesMap().entries()].map(([key, value]) => [key, value.getUrnsList()]),
    ),
    ignoreChanges: request.getIgnorechangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    timeouts: timeouts && {
      create: timeouts.getCreate(),
      update: timeouts.getUpdate(),
      delete: timeouts.getDelete(),
    },
    // A reference is a URN and an id.
    provider: request.getProvider().replace(/::[^:]*$/, ""),
  };
}

/**
 * Resolves when nothing more is registered. The runtime itself does not wait for a resource whose options depend on another one;
 * but all that it does between two registrations is resolve promises, which is over before the event loop turns.
 */
async function quiet(records: readonly Recorded[]): Promise<void> {
  let seen = -1;
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    if (records.length !== seen) {
      seen = records.length;
      turns = 0;
    }
    await nextTurn();
  }
}

function unwrapSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(unwrapSecrets);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value);
  return SECRET_SIGNATURE in value
    ? { secret: unwrapSecrets((value as { value?: unknown }).value) }
    : Object.fromEntries(entries.map(([key, item]) => [key, unwrapSecrets(item)]));
}

function idOf({ type, name, inputs }: MockResourceArgs): string {
  const { bucket, bucketPrefix } = inputs as { bucket?: string; bucketPrefix?: string };
  return type === "aws:s3/bucket:Bucket" ? (bucket ?? `${bucketPrefix}unique`) : `id-of-${name}`;
}

/** What the gate before a deployment prints. */
export const GATE_REPORT = {
  attempt: "20260301t120000z-0a1b",
  startedAt: "2026-03-01T12:00:00.000Z",
  by: "ada@workstation",
  backup: "20260301-120001-abcd",
  commit: "0123456789abcdef0123456789abcdef01234567",
  dirty: false,
  notes: ["health: every part is healthy"],
  seconds: 4.2,
};

/** What a provider would answer: the inputs, a name where none was given, and what the AWS resources are known by. */
function defaultState(args: MockResourceArgs): Record<string, unknown> {
  const { type, name, inputs } = args;
  const given = inputs as Record<string, unknown>;
  const own = {
    ...given,
    name: given.name ?? `${name}-1234567`,
    ...(type.startsWith("aws:") && { arn: `arn:aws:mock:::${given.name ?? name}` }),
    ...(type === "aws:iam/accessKey:AccessKey" && { secret: `planted-key-of-${name}` }),
  };
  if (type === "aws:s3/bucket:Bucket") {
    const id = idOf(args);
    return { ...own, bucket: id, arn: `arn:aws:s3:::${id}` };
  }
  if (type === "aws:ses/emailIdentity:EmailIdentity") {
    return { ...own, arn: `arn:aws:ses:us-east-1:123456789012:identity/${given.email}` };
  }
  if (type === "command:local:Command" && name.startsWith("gate-")) {
    return { ...own, stdout: JSON.stringify(GATE_REPORT) };
  }
  if (type === "command:local:Command") {
    return { ...own, stdout: JSON.stringify({ id: `sha256:${name}`, entrypoint: ["/entry"], cmd: [name] }) };
  }
  return own;
}

/** The resources of a type; the names in the message help when there are others. */
export function ofType(resources: readonly Recorded[], type: string): Recorded[] {
  return resources.filter((resource) => resource.type === type);
}

/** The one resource of a type with a name. */
export function only(resources: readonly Recorded[], type: string, name?: string): Recorded {
  const found = ofType(resources, type).filter((resource) => name === undefined || resource.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    const all = resources.map((resource) => `${resource.type} ${resource.name}`).sort();
    throw new Error(
      `${found.length} resources are a ${type}${name === undefined ? "" : ` named ${name}`}, out of:\n${all.join("\n")}`,
    );
  }
  return first;
}

/** How many there are of each type. */
export function countByType(resources: readonly Recorded[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of resources) {
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

/** The value of an output, for assertions on what a component offers. */
export function outputValue<T>(output: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve) => {
    pulumi.output(output).apply(resolve);
  });
}
