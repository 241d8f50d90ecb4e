import { SECRETS, type SecretName } from "../../config";

/** A key made for the tests alone. */
export const TEST_IDENTITY = "AGE-SECRET-KEY-15MFH9JJ63KLG00THCQ57DW3DUR3JULZKPX4DTNWCH6CFXQWUNUTSS0CD37";

/** One distinct secret each, so that a leaked one is told from the others. */
export const TEST_SECRETS = Object.fromEntries(
  SECRETS.map((name) => [name, name === "backupIdentity" ? TEST_IDENTITY : `planted-${name}-0123456789`]),
) as Record<SecretName, string>;

export const TEST_CONTACTS = {
  onCall: [
    { name: "Ada", email: "ada@example.com" },
    { name: "Ben", email: "ben@example.com" },
  ],
  databaseAdmin: { name: "Dee", email: "dba@example.com" },
  securityTeam: { name: "Sam", email: "security@example.com" },
  escalation: {
    engineeringManager: { name: "Mia", email: "manager@example.com" },
    cto: { name: "Cyd", email: "cto@example.com" },
    ceo: { name: "Eve", email: "ceo@example.com" },
  },
};

/** Stack configuration as an object, keys without their namespace. */
export type ConfigObject = Record<string, unknown>;

const DIGEST = "0123456789abcdef".repeat(4);
export const BACKEND_IMAGE = `registry.example.com/fitnesscrm/backend@sha256:${DIGEST}`;
export const FRONTEND_IMAGE = `registry.example.com/fitnesscrm/frontend@sha256:${DIGEST}`;

/** A release that a rollback holds. */
export const PIN = {
  version: 3,
  commit: "0123456789abcdef0123456789abcdef01234567",
  images: { backend: BACKEND_IMAGE, frontend: FRONTEND_IMAGE, nginx: `sha256:${DIGEST}` },
  app: { version: "1.9.0", environment: { FEATURE: "off" }, logLevel: "INFO", allowedOrigins: [] },
  by: "ada@workstation",
  at: "2026-03-01T12:00:00.000Z",
};

/** The least that a stack must say, with images by digest, which need no folder. */
export function minimalConfig(): ConfigObject {
  return {
    app: { backendImage: BACKEND_IMAGE, frontendImage: FRONTEND_IMAGE },
    contacts: structuredClone(TEST_CONTACTS),
    aws: { region: "us-east-1" },
    mail: { from: "crm@example.com" },
    secrets: { ...TEST_SECRETS },
  };
}

/** As Pulumi hands configuration to a program: text as it is, everything else as JSON. */
export function rawOf(config: ConfigObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      `fitnesscrm:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** A copy of an object with the value at a dotted path replaced; undefined removes it. */
export function withValue(config: ConfigObject, path: string, value: unknown): ConfigObject {
  const copy = structuredClone(config);
  const parts = path.split(".");
  let node: Record<string, unknown> = copy;
  for (const part of parts.slice(0, -1)) {
    node[part] ??= {};
    node = node[part] as Record<string, unknown>;
  }
  const last = parts.at(-1) ?? "";
  if (value === undefined) {
    delete node[last];
  } else {
    node[last] = value;
  }
  return copy;
}
