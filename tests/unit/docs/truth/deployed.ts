/** What the program declares for a stack on a server, in the words in which the documents tell it. */

import { PREFIXES } from "../../../../bucketLayout";
import { REACH_DAYS } from "../../../../components/backup/archive";
import { VOLUMES } from "../../../../components/stack/foundation";
import { SERVICES } from "../../../../config";
import { minimalConfig } from "../../../support/config";
import { ofType, only, type Recorded } from "../../../support/mocks";
import { recordProgram } from "../../../support/program";

const STACK = "unit";

export interface Stack {
  services: {
    name: string;
    tasks: string;
    order: string;
    port: string | undefined;
    memoryMiB: string;
    cpus: string;
    readOnlyRoot: boolean;
    capabilities: string[];
    hostFolders: string[];
    secrets: string[];
  }[];
  volumes: { name: string; writers: string[]; readers: string[] }[];
  roles: { role: string; connections: string; memberOf: string[]; statementSeconds: number }[];
  idleInTransactionMinutes: number;
  users: { name: string; actions: string[] }[];
  /** Days by prefix of the bucket. */
  keptDays: [prefix: string, days: string][];
  oldVersionDays: number;
  log: { files: string; mebibytes: string };
  applicationVariables: [name: string, from: string][];
  databaseUrl: URL;
  redisUrl: URL;
}

interface ServiceInputs {
  mode: { global?: true; replicated?: { replicas: number } };
  endpointSpec: { ports?: { publishedPort: number }[] };
  updateConfig: { order: string };
  taskSpec: {
    resources: { limits: { memoryBytes: number; nanoCpus: number } };
    logDriver: { options: Record<string, string> };
    containerSpec: {
      env?: Record<string, string>;
      readOnly: boolean;
      capAdds?: string[];
      mounts: { type: string; source?: string; readOnly?: boolean }[];
      secrets: { fileName: string }[];
    };
  };
}

interface LifecycleRule {
  filter: { prefix: string };
  expiration?: { days?: number };
  noncurrentVersionExpiration?: { noncurrentDays: number };
}

/** Every optional part that a document speaks of is there. */
export async function deployedStack(): Promise<Stack> {
  const config = minimalConfig();
  const { resources } = await recordProgram(STACK, {
    ...config,
    app: { ...(config.app as object), version: "2.3.0", adminEmail: "admin@example.com" },
    http: { publicUrl: "https://crm.example.com" },
  });
  const inputsOf = (name: string): ServiceInputs =>
    only(resources, "docker:index/service:Service", name).inputs as unknown as ServiceInputs;
  const rules = only(resources, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs
    .rules as LifecycleRule[];
  const { "max-file": files = "", "max-size": size = "" } = inputsOf("db").taskSpec.logDriver.options;
  const roles = ofType(resources, "postgresql:index/role:Role");
  return {
    services: SERVICES.map((name) => serviceFacts(name, inputsOf(name))),
    volumes: VOLUMES.map((volume) => ({
      name: volume,
      writers: SERVICES.filter((name) => mounts(inputsOf(name), volume, false)),
      readers: SERVICES.filter((name) => mounts(inputsOf(name), volume, true)),
    })),
    roles: roles.map(({ inputs }) => ({
      role: String(inputs.name).replace(/^fitnesscrm_/, "NAME_"),
      connections: String(inputs.connectionLimit),
      memberOf: inputs.roles as string[],
      statementSeconds: Number(inputs.statementTimeout) / 1000,
    })),
    idleInTransactionMinutes: Number(roles[0]?.inputs.idleInTransactionSessionTimeout) / 60_000,
    users: ofType(resources, "aws:iam/userPolicy:UserPolicy").map(({ name, inputs }) => ({
      name,
      actions: actionsOf(String(inputs.policy)),
    })),
    keptDays: Object.values(PREFIXES).map((prefix) => {
      const days = rules.find(({ filter }) => filter.prefix === prefix)?.expiration?.days;
      // What expires below this one pgBackRest deletes itself.
      return [prefix, prefix === PREFIXES.wal ? String(REACH_DAYS) : (days?.toString() ?? "for ever")];
    }),
    oldVersionDays:
      rules.find((rule) => rule.noncurrentVersionExpiration)?.noncurrentVersionExpiration?.noncurrentDays ??
      0,
    log: { files: FEW[Number(files)] ?? files, mebibytes: size.replace(/m$/, "") },
    applicationVariables: variablesOf(inputsOf("backend")),
    databaseUrl: urlIn(resources, "database-url"),
    redisUrl: urlIn(resources, "redis-url"),
  };
}

/** Small numbers stand in the documents as words. */
const FEW: Record<number, string> = { 3: "three", 4: "four", 5: "five", 6: "six" };

function serviceFacts(name: string, { mode, endpointSpec, updateConfig, taskSpec }: ServiceInputs) {
  const { containerSpec, resources } = taskSpec;
  return {
    name,
    tasks: mode.replicated === undefined ? "one a node" : String(mode.replicated.replicas),
    order: updateConfig.order,
    port: endpointSpec.ports?.map(({ publishedPort }) => publishedPort).join(),
    memoryMiB: String(resources.limits.memoryBytes / 1024 ** 2),
    cpus: String(resources.limits.nanoCpus / 1e9),
    readOnlyRoot: containerSpec.readOnly,
    capabilities: (containerSpec.capAdds ?? []).map((capability) => capability.replace(/^CAP_/, "")),
    hostFolders: containerSpec.mounts.filter(({ type }) => type === "bind").map(({ source = "" }) => source),
    secrets: containerSpec.secrets.map(({ fileName }) => fileName),
  };
}

function mounts({ taskSpec }: ServiceInputs, volume: string, readOnly: boolean): boolean {
  return taskSpec.containerSpec.mounts.some(
    (mount) => mount.source === `fitnesscrm-${STACK}-${volume}` && (mount.readOnly ?? false) === readOnly,
  );
}

function actionsOf(policy: string): string[] {
  const { Statement } = JSON.parse(policy) as { Statement: { Action: string[] }[] };
  return [...new Set(Statement.flatMap(({ Action }) => Action))].sort();
}

function variablesOf({ taskSpec }: ServiceInputs): [name: string, from: string][] {
  const { FITNESSCRM_SECRET_ENV: fromFiles = "", ...env } = taskSpec.containerSpec.env ?? {};
  return [
    ...fromFiles.split(" ").map((pair): [string, string] => [pair.split("=")[0] ?? "", "a secret file"]),
    ...Object.keys(env)
      .filter((name) => !name.startsWith("FITNESSCRM_"))
      .map((name): [string, string] => [name, "the settings"]),
  ];
}

function urlIn(resources: readonly Recorded[], name: string): URL {
  const { data } = only(resources, "docker:index/secret:Secret", `fitnesscrm-${STACK}-${name}`).inputs;
  return new URL(Buffer.from((data as { secret: string }).secret, "base64").toString());
}
