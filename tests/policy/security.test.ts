import assert from "node:assert/strict";
import { findsCredential, isSecretName } from "../../policies/lib/secrets";
import { type Case, refusals } from "./support/cases";
import { happyStack } from "./support/happy";
import { change, judge, set } from "./support/harness";

const ISOLATE = 'Manual M52: "Containment: Isolate affected systems".';
const SUSPICIOUS = 'Manual M49: "Check for suspicious activity".';
const ONLY_EDGE = "endpointSpec.ports on the service labelled fitnesscrm.service = nginx only";
const CAPABILITIES = "CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, NET_BIND_SERVICE, SETGID, SETUID";

const port = { publishMode: "host", publishedPort: 5432, targetPort: 5432, protocol: "tcp" };

const cases: Case[] = [
  ...["db", "redis", "backend"].map(
    (name): Case => ({
      refuses: `a published port of ${name}`,
      resource: `Service ${name}`,
      set: { "endpointSpec.ports": [port] },
      policy: "published-ports",
      message: `Service ${name} publishes port 5432. Allowed: ${ONLY_EDGE}. ${ISOLATE}`,
    }),
  ),
  {
    refuses: "a port that the engine chooses",
    resource: "Service db",
    set: { "endpointSpec.ports": [{ targetPort: 5432 }] },
    policy: "published-ports",
    message: `Service db publishes port 5432. Allowed: ${ONLY_EDGE}. ${ISOLATE}`,
  },
  {
    refuses: "a password in an environment, without showing it",
    resource: "Service db",
    set: { "taskSpec.containerSpec.env.POSTGRES_PASSWORD": "hunter2" },
    policy: "secret-free-environment",
    message: `Service db has a secret in its environment: POSTGRES_PASSWORD. Allowed: a file below /run/secrets, named by POSTGRES_PASSWORD_FILE. ${SUSPICIOUS}`,
  },
  {
    refuses: "credentials in a URL, without showing them",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.env.DATABASE_URL": "postgresql://app:hunter2@db:5432/fitnesscrm" },
    policy: "secret-free-environment",
    message: `Service backend has credentials in the value of its environment's DATABASE_URL. Allowed: a file below /run/secrets, named by DATABASE_URL_FILE. ${SUSPICIOUS}`,
  },
  {
    refuses: "a password among the arguments",
    resource: "Service redis",
    set: { "taskSpec.containerSpec.args": ["--requirepass", "hunter2"] },
    policy: "secret-free-environment",
    message: `Service redis has a secret in its arguments. Allowed: a file below /run/secrets, read by the command. ${SUSPICIOUS}`,
  },
  {
    refuses: "a password in the command",
    resource: "Service redis",
    set: { "taskSpec.containerSpec.commands": ["sh", "-c", "redis-server --requirepass=hunter2"] },
    policy: "secret-free-environment",
    message: `Service redis has a secret in its command. Allowed: a file below /run/secrets, read by the command. ${SUSPICIOUS}`,
  },
  {
    refuses: "a password in the health check",
    resource: "Service redis",
    set: {
      "taskSpec.containerSpec.healthcheck.tests": [
        "CMD",
        "redis-cli",
        "-u",
        "redis://:hunter2@redis:6379",
        "ping",
      ],
    },
    policy: "secret-free-environment",
    message: `Service redis has a secret in its health check. Allowed: a file below /run/secrets, read by the health check. ${SUSPICIOUS}`,
  },
  {
    refuses: "the engine's default capabilities",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.capDrops": ["NET_RAW"] },
    policy: "service-capabilities",
    message: `Service backend keeps the engine's default capabilities. Allowed: taskSpec.containerSpec.capDrops ["ALL"]. ${ISOLATE}`,
  },
  {
    refuses: "a capability that is as good as root",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.capAdds": ["CAP_SYS_ADMIN", "CHOWN"] },
    policy: "service-capabilities",
    message: `Service backend takes the capabilities SYS_ADMIN. Allowed: capAdds of ${CAPABILITIES}. ${ISOLATE}`,
  },
  ...["/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/docker.sock/"].map(
    (source): Case => ({
      refuses: `a mount of ${source}, although read-only`,
      resource: "Service agent",
      set: { "taskSpec.containerSpec.mounts.0.source": source },
      policy: "no-engine-socket",
      message: `Service agent mounts ${source}, the engine's socket. Allowed: what the service needs to know, by the metrics agent or through Pulumi; or the service engine, read-only, without capAdds and ports. ${ISOLATE}`,
    }),
  ),
  ...(
    [
      ["writable", { "taskSpec.containerSpec.mounts.0.readOnly": false }],
      ["with a capability", { "taskSpec.containerSpec.capAdds": ["CAP_CHOWN"] }],
    ] satisfies [string, Record<string, unknown>][]
  ).map(
    ([what, change]): Case => ({
      refuses: `a reader of the engine ${what}`,
      resource: "Service engine",
      set: change,
      policy: "no-engine-socket",
      message: `Service engine mounts /var/run/docker.sock, the engine's socket. Allowed: what the service needs to know, by the metrics agent or through Pulumi; or the service engine, read-only, without capAdds and ports. ${ISOLATE}`,
    }),
  ),
  ...(
    [
      ["by root", { user: "0" }],
      ["by an undeclared user", { user: undefined }],
      ["by a user whose number nobody knows", { user: "telegraf" }],
      ["by root's group", { user: "995:0" }],
      ["with a capability", { user: "995:995", capAdds: ["DAC_OVERRIDE"] }],
      ["with a group of the host", { user: "995:995", groups: ["docker"] }],
      ["writable", { user: "995:995", "mounts.0.readOnly": false }],
    ] satisfies [string, Record<string, unknown>][]
  ).map(
    ([what, container]): Case => ({
      refuses: `the whole host, ${what}`,
      resource: "Service agent",
      set: {
        "taskSpec.containerSpec.mounts.0.source": "/",
        ...Object.fromEntries(
          Object.entries(container).map(([path, value]) => [`taskSpec.containerSpec.${path}`, value]),
        ),
      },
      policy: "no-engine-socket",
      message: `Service agent mounts / of the host, where the engine's socket lies. Allowed: another folder; or readOnly, a numeric user other than 0, no capAdds and no groups. ${ISOLATE}`,
    }),
  ),
];

describe("policies on security", () => {
  refusals(cases);

  it("service-capabilities can be made stricter", () => {
    const config = { "service-capabilities": { allowed: [] } };
    assert.deepEqual(
      judge(happyStack(), { config }).map(({ message }) => message),
      [
        `Service db takes the capabilities CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID. Allowed: capAdds of none. ${ISOLATE}`,
        `Service nginx takes the capabilities NET_BIND_SERVICE. Allowed: capAdds of none. ${ISOLATE}`,
      ],
    );
  });

  for (const source of ["/", "/var/run/", "//"]) {
    it(`no-engine-socket accepts ${source}, read-only and by a user without rights`, () => {
      const stack = change(happyStack(), "Service agent", (agent) => {
        set(agent, "taskSpec.containerSpec.mounts.0.source", source);
        set(agent, "taskSpec.containerSpec.user", "995:995");
      });
      assert.deepEqual(judge(stack), []);
      const asRoot = change(stack, "Service agent", (agent) =>
        set(agent, "taskSpec.containerSpec.user", "0:0"),
      );
      assert.deepEqual(
        judge(asRoot).map(({ policy }) => policy),
        ["no-engine-socket"],
      );
    });
  }

  it("secret-free-environment never shows a value", () => {
    const secret = "s3cr3t-v4lu3";
    const stack = change(happyStack(), "Service backend", (backend) => {
      set(backend, "taskSpec.containerSpec.env", {
        API_TOKEN: secret,
        CACHE: `redis://:${secret}@redis:6379/0`,
        DSN: secret,
      });
      set(backend, "taskSpec.containerSpec.args", ["--password", secret]);
    });
    const text = JSON.stringify(judge(stack));
    assert.match(text, /API_TOKEN.*CACHE.*DSN.*arguments/);
    assert.doesNotMatch(text, new RegExp(secret));
  });

  it("secret-free-environment accepts an empty value and one that the shell fills in", () => {
    const stack = change(happyStack(), "Service redis", (redis) => {
      set(redis, "taskSpec.containerSpec.env.SENTRY_DSN", "");
      set(redis, "taskSpec.containerSpec.env.REDIS_URL", "redis://redis:6379/0");
      set(redis, "taskSpec.containerSpec.commands", [
        "sh",
        "-c",
        'exec redis-server --requirepass "$(cat /run/secrets/redis_password)"',
      ]);
      set(redis, "taskSpec.containerSpec.args", ["--requirepass", "$REDIS_PASSWORD"]);
    });
    assert.deepEqual(judge(stack), []);
  });

  for (const name of [
    "SECRET_KEY",
    "POSTGRES_PASSWORD",
    "PGPASSWORD",
    "MYSQL_PWD",
    "SENTRY_DSN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN",
    "REDISCLI_AUTH",
    "api_key",
  ]) {
    it(`the name ${name} is a secret's`, () => assert.equal(isSecretName(name), true));
  }

  for (const name of [
    "SECRET_KEY_FILE",
    "SSL_CERT_FILE",
    "LOG_LEVEL",
    "KEYCLOAK_HOST",
    "MONKEY",
    "TOKEN_TTL",
    "JWT_PUBLIC_KEY",
    "POSTGRES_HOST_AUTH_METHOD",
    "SECRETS_DIR",
    "FITNESSCRM_SECRET_ENV",
    "PWDX",
  ]) {
    it(`the name ${name} is no secret's`, () => assert.equal(isSecretName(name), false));
  }

  for (const value of [
    "postgresql://app:pw@db/fitnesscrm",
    "see redis://:pw@redis:6379 for more",
    "host=db password=pw",
    "-----BEGIN RSA PRIVATE KEY-----",
    `AKIA${"A".repeat(16)}`,
  ]) {
    it(`the value ${value.slice(0, 30)} is a credential`, () => assert.equal(findsCredential(value), true));
  }

  for (const value of [
    "postgresql://db:5432/fitnesscrm",
    "https://sentry.example.com/path?at=a:b@c",
    "oncall@example.com",
    "redis://:$REDIS_PASSWORD@redis:6379",
    "password=$PASSWORD",
    "12:30@noon",
  ]) {
    it(`the value ${value} is no credential`, () => assert.equal(findsCredential(value), false));
  }
});
