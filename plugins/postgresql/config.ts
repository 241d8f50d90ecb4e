import { type Failure, type Props, UNKNOWN } from "../lib/types";
import type { ProviderInputs } from "./types";

/** Where the server is and how to log in. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  /** Where statements run that belong to no database of their own, e.g. `CREATE ROLE`. */
  readonly database: string;
  readonly username: string;
  readonly password: string | undefined;
  readonly sslmode: SslMode;
  /** Whether the user may read stored passwords, so that a password changed behind our back shows. */
  readonly superuser: boolean;
  readonly connectTimeoutSeconds: number;
  /** Connections per database; 0 means no limit. */
  readonly maxConnections: number;
  /** Properties that a preview does not know yet. No connection can be made while there are any. */
  readonly unknown: readonly string[];
}

const SSL_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

interface Option {
  readonly type: "string" | "number" | "boolean";
  /** Environment variable that the upstream provider reads when the property is not set. */
  readonly env?: string;
  readonly default?: string | number | boolean;
  readonly refuse?: string;
}

const ONLY_PASSWORDS = "is not supported by this plugin: it logs in with a user name and a password only";

const OPTIONS: { readonly [K in keyof Required<ProviderInputs>]: Option } = {
  host: { type: "string", env: "PGHOST", default: "localhost" },
  port: { type: "number", env: "PGPORT", default: 5432 },
  database: { type: "string", env: "PGDATABASE", default: "postgres" },
  username: { type: "string", env: "PGUSER", default: "postgres" },
  password: { type: "string", env: "PGPASSWORD" },
  sslmode: { type: "string", env: "PGSSLMODE", default: "require" },
  superuser: { type: "boolean", env: "PGSUPERUSER", default: true },
  connectTimeout: { type: "number", env: "PGCONNECT_TIMEOUT", default: 180 },
  maxConnections: { type: "number", default: 20 },
  // The official plugin chooses the statements for very old servers by it; every server that this one talks to has them all.
  expectedVersion: { type: "string", default: "9.0.0" },
  scheme: { type: "string", default: "postgres" },
  sslMode: { type: "string", refuse: "is the old name of sslmode: use that" },
  awsRdsIamAuth: { type: "boolean", refuse: ONLY_PASSWORDS },
  awsRdsIamProfile: { type: "string", refuse: ONLY_PASSWORDS },
  awsRdsIamProviderRoleArn: { type: "string", refuse: ONLY_PASSWORDS },
  awsRdsIamRegion: { type: "string", refuse: ONLY_PASSWORDS },
  azureIdentityAuth: { type: "boolean", refuse: ONLY_PASSWORDS },
  azureTenantId: { type: "string", refuse: ONLY_PASSWORDS },
  clientcert: { type: "string", refuse: ONLY_PASSWORDS },
  databaseUsername: { type: "string", refuse: ONLY_PASSWORDS },
  gcpIamImpersonateServiceAccount: { type: "string", refuse: ONLY_PASSWORDS },
  sslrootcert: {
    type: "string",
    refuse: "is not supported by this plugin: set NODE_EXTRA_CA_CERTS to the certificate's file",
  },
};

/** The SDK sends numbers and booleans of a provider's configuration as JSON text. */
function parse(option: Option, raw: unknown): unknown {
  if (typeof raw === "string" && option.type !== "string") {
    try {
      return JSON.parse(raw);
    } catch {
      return raw;
    }
  }
  return raw;
}

function optionValue(key: keyof ProviderInputs, config: Props): unknown {
  const option: Option = OPTIONS[key];
  const raw = config[key];
  if (raw !== undefined && raw !== null) {
    return parse(option, raw);
  }
  const fromEnvironment = option.env === undefined ? undefined : process.env[option.env];
  return fromEnvironment === undefined ? option.default : parse(option, fromEnvironment);
}

/** Reports every property that this plugin cannot use, by name. Unknown values pass. */
export function checkConfig(config: Props): Failure[] {
  const failures: Failure[] = [];
  for (const key of Object.keys(OPTIONS) as (keyof ProviderInputs)[]) {
    const option: Option = OPTIONS[key];
    const value = optionValue(key, config);
    if (value === undefined || value === UNKNOWN) {
      continue;
    }
    if (option.refuse !== undefined) {
      // `false` asks for nothing, so a program written for the official plugin may say it.
      if (value !== false && value !== "") {
        failures.push({ property: key, reason: option.refuse });
      }
      continue;
    }
    if (
      typeof value !== option.type ||
      (typeof value === "number" && (!Number.isInteger(value) || value < 0))
    ) {
      failures.push({
        property: key,
        reason: `must be a ${option.type === "number" ? "whole number, 0 or more" : option.type}`,
      });
    }
  }
  const sslmode = optionValue("sslmode", config);
  if (typeof sslmode === "string" && !SSL_MODES.includes(sslmode as SslMode)) {
    failures.push({
      property: "sslmode",
      reason: `${JSON.stringify(sslmode)} is not one of ${SSL_MODES.join(", ")}`,
    });
  }
  const scheme = optionValue("scheme", config);
  if (typeof scheme === "string" && scheme !== "postgres") {
    failures.push({
      property: "scheme",
      reason: `${JSON.stringify(scheme)} is not "postgres", the only one supported`,
    });
  }
  return failures;
}

/** The settings of a checked configuration; throws one line that names everything that is wrong with it. */
export function parseConfig(config: Props): Settings {
  const failures = checkConfig(config);
  if (failures.length > 0) {
    throw new Error(failures.map(({ property, reason }) => `postgresql:${property} ${reason}`).join("; "));
  }
  const unknown: string[] = [];
  const known = <T>(key: keyof ProviderInputs): T => {
    const value = optionValue(key, config);
    if (value === UNKNOWN) {
      unknown.push(key);
      return OPTIONS[key].default as T;
    }
    return value as T;
  };
  return {
    host: known<string>("host"),
    port: known<number>("port"),
    database: known<string>("database"),
    username: known<string>("username"),
    password: known<string | undefined>("password"),
    sslmode: known<SslMode>("sslmode"),
    superuser: known<boolean>("superuser"),
    connectTimeoutSeconds: known<number>("connectTimeout"),
    maxConnections: known<number>("maxConnections"),
    unknown,
  };
}
