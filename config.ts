/**
 * Stack configuration, parsed once into one typed object.
 *
 * Every error is one line: the key with its path, the value, and what is allowed. Unknown keys are refused, so that a typing
 * error cannot silently mean "the default". A threshold may be stricter than the manual, never looser.
 *
 * No Pulumi in here: `index.ts` hands in the raw values, the launcher reads the same ones from the stack's file.
 */
import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { IDENTITY_PATTERN, RECIPIENT_PATTERN } from "./ageKey";
import { contactFaults } from "./contactFaults";
import { maintenance } from "./maintenanceSettings";
import { KEY_METRICS, type KeyMetric, MANUAL } from "./manual";
import { OUTSIDE_TOKENS, outsideFaults, sentry, tickets } from "./outsideSettings";
import { images, security } from "./securitySettings";
import { SERVICES, type ServiceName } from "./serviceNames";
import { tls, tlsFaults } from "./tlsSettings";

/** The project's name, and the namespace of its configuration keys. */
export const PROJECT = "fitnesscrm";

export { SERVICES, type ServiceName };

/** Generated secrets; each is a key below `fitnesscrm:secrets`. */
export const SECRETS = [
  "postgresPassword",
  "appPassword",
  "readonlyPassword",
  "backupPassword",
  "monitoringPassword",
  "maintenancePassword",
  "redisPassword",
  "secretKey",
  "adminPassword",
  "operatorsPassword",
  "backupIdentity",
  "archivePassphrase",
] as const;
export type SecretName = (typeof SECRETS)[number];

/** Secrets that others issue, so that nobody here can generate them; keys beside the others, by `./fitnesscrm secrets set`. */
export const GIVEN_SECRETS = Object.values(OUTSIDE_TOKENS);
export type GivenSecret = (typeof GIVEN_SECRETS)[number];

/** Every secret that people know by its name. */
export const ALL_SECRETS: readonly (SecretName | GivenSecret)[] = [...SECRETS, ...GIVEN_SECRETS];

/** 20 characters leave room for the longest name that is made from it: a Swarm secret's may have 64. */
export const STACK_NAME_RULE =
  "must be lower-case letters, digits and dashes, 20 at most, and start with a letter";

export function isStackName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,19}$/.test(name);
}

/** What stands in a tracked file where an account's name or a secret belongs. */
export const UNSET = "<set me>";

const email = z.email({ error: "must be an email address such as oncall@example.com" });

const contact = z.strictObject({
  /** Shown in rotas and pages. */
  name: z.string().min(1, "must not be empty"),
  email,
});
export type Contact = z.infer<typeof contact>;

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/** A Friday before every stack. */
const ROTA_START = "2026-01-02";

/** Image by digest: what a release names never changes under its name. */
const imageByDigest = z
  .string()
  .regex(
    /^[\w.\-/:]+@sha256:[0-9a-f]{64}$/,
    "must name an image by digest, such as registry.example.com/fitnesscrm/backend@sha256:<64 hex digits>",
  );

/** Image as a state has it: by digest, or by its ID where it was built on its host. */
const imageReference = z
  .string()
  .regex(/^(?:[\w.\-/:]+@)?sha256:[0-9a-f]{64}$/, "must name an image by digest or by its ID");

const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;

/** What the stack gives the backend itself; secrets among it come as files, never as configuration. */
const RESERVED_VARIABLES = [
  "ADMIN_EMAIL",
  "ADMIN_PASSWORD_FILE",
  "ALLOWED_ORIGINS",
  "APP_VERSION",
  "DATABASE_URL",
  "FITNESSCRM_SECRET_ENV",
  "LOG_LEVEL",
  "REDIS_URL",
  "SECRET_KEY",
];

/** Scheme, host and port, as browsers send it. */
const origin = z
  .string()
  .regex(
    /^https?:\/\/[^\s/,?#@]+$/,
    "must be an origin without a slash at its end, such as https://crm.example.com",
  );

const app = z
  .strictObject({
    /** Folder with backend/Dockerfile.prod and frontend/Dockerfile.prod, absolute or relative to the project. */
    source: z.string().min(1, "must not be empty").optional(),
    backendImage: imageByDigest.optional(),
    frontendImage: imageByDigest.optional(),
    /** Name of what runs, shown by `GET /api/version` of applications that have it. */
    version: z.string().optional(),
    /**
     * Account that an application without one makes at its first start, with the generated `adminPassword`. An application
     * that does not know ADMIN_EMAIL and ADMIN_PASSWORD_FILE takes no notice.
     */
    adminEmail: email.optional(),
    /** Further environment of the backend. Secrets do not belong here. */
    environment: z
      .record(
        z
          .string()
          .regex(/^[A-Z][A-Z0-9_]*$/, "must be an environment variable's name")
          .refine((name) => !RESERVED_VARIABLES.includes(name), "is set by the stack itself"),
        z.string(),
      )
      .default({}),
    logLevel: z.enum(LOG_LEVELS).default("INFO"),
    /** Further origins that browsers may call the API from; the public URL always may. */
    allowedOrigins: z.array(origin).default([]),
    /**
     * Command that brings the database's schema up to the release, as a list of words: run once with the new backend image before any
     * task of it starts. It must be safe to run again, and leave the schema such that the release before it still works.
     */
    migrate: z.array(z.string().min(1, "must not be empty")).min(1, "must name a command").optional(),
  })
  .superRefine((value, context) => {
    const images = [value.backendImage, value.frontendImage].filter((image) => image !== undefined).length;
    if (value.source === undefined && images !== 2) {
      context.addIssue({
        code: "custom",
        message: "needs either source, or both backendImage and frontendImage",
      });
    }
    if (value.source !== undefined && images > 0) {
      context.addIssue({ code: "custom", message: "takes source or the two images, not both" });
    }
  });

/** Time of the stack's wall clock, to the hour: what pages go by. */
const wallHour = z.string().refine(
  // The language takes the 31st of February for the 3rd of March.
  (text) => /^\d{4}-\d\d-\d\dT\d\d:00$/.test(text) && isoMinute(text) === text,
  "must be a full hour such as 2026-12-24T17:00",
);

/** A time as it is written once it was read. */
function isoMinute(text: string): string {
  const at = new Date(`${text}Z`);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().slice(0, 16);
}

const friday = z
  .string()
  .refine((date) => /^\d{4}-\d\d-\d\d$/.test(date) && isoMinute(`${date}T00:00`).startsWith(date), {
    error: "must be a date such as 2026-01-02",
    abort: true,
  })
  .refine(
    (date) => new Date(`${date}T00:00Z`).getUTCDay() === WEEKDAYS.indexOf(MANUAL.onCall.handoff.weekday),
    `must be a ${MANUAL.onCall.handoff.weekday}, the day of the handoff (M58)`,
  );

/** Somebody of the rota takes over a part of another one's shift. */
const override = z.strictObject({
  /** Name of who is on call instead. */
  engineer: z.string(),
  from: wallHour,
  until: wallHour,
});
export type RotaOverride = z.infer<typeof override>;

const contactFields = z.strictObject({
  /** The rota, in order of shifts (M8, M57). */
  onCall: z.array(contact).min(1, "must name at least one engineer"),
  databaseAdmin: contact,
  securityTeam: contact,
  /** Who hears when nobody responds in time, one after the other; the CEO of P0 only (M61). */
  escalation: z.strictObject(
    { engineeringManager: contact, cto: contact, ceo: contact },
    {
      error: ({ code, input }) =>
        code === "invalid_type" && input === undefined
          ? "must name engineeringManager, cto and ceo, each by --set 'contacts.escalation.ceo={name: …, email: …}'"
          : undefined,
    },
  ),
  rota: z
    .strictObject({
      /** Friday on which the first engineer's first shift begins. */
      from: friday.default(ROTA_START),
      /**
       * Friday from which shifts are declared to AWS, which takes a limited number of them. `./fitnesscrm up` moves it on; the default is
       * `from`.
       */
      plannedFrom: friday.optional(),
      overrides: z.array(override).default([]),
    })
    .prefault({}),
  /** Further endpoints of every page, such as the URL of PagerDuty's CloudWatch integration. */
  webhooks: z
    .array(z.string().regex(/^https?:\/\/\S+$/, "must be a URL such as https://events.pagerduty.com/…"))
    .default([]),
});
export type Contacts = z.output<typeof contactFields>;

const contacts = contactFields.superRefine((value, context) => {
  if (context.issues.length > 0) {
    // What is not even a date has no shift.
    return;
  }
  for (const { path, input, message } of contactFaults(value)) {
    context.addIssue({ code: "custom", path: [...path], input, message });
  }
});

const port = z.int("must be a whole number").min(1, "must be 1 to 65535").max(65535, "must be 1 to 65535");
const positive = z.int("must be a whole number").min(1, "must be 1 or more");

/** What a service may use at most. */
export interface Limits {
  /** Hard memory limit, MiB. */
  readonly memoryMiB: number;
  /** CPUs, e.g. 0.5. */
  readonly cpus: number;
}

function limits(defaults: Limits) {
  return z
    .strictObject({
      memoryMiB: z
        .int("must be a whole number")
        .min(32, "must be 32 or more (MiB)")
        .default(defaults.memoryMiB),
      cpus: z.number().min(0.05, "must be 0.05 or more").default(defaults.cpus),
    })
    .prefault({});
}

/** The defaults fit a server with 4 GiB while nothing is restored; a busy one sets its own. */
const resources = z.strictObject({
  db: limits({ memoryMiB: 1024, cpus: 1 }),
  redis: limits({ memoryMiB: 384, cpus: 0.5 }),
  backend: limits({ memoryMiB: 768, cpus: 1 }),
  frontend: limits({ memoryMiB: 128, cpus: 0.5 }),
  nginx: limits({ memoryMiB: 128, cpus: 1 }),
  ops: limits({ memoryMiB: 512, cpus: 1 }),
  /** Idle but for restores and drills, which run a server of their own. */
  restore: limits({ memoryMiB: 1024, cpus: 2 }),
  /** Reads the Docker engine for the agent. */
  engine: limits({ memoryMiB: 64, cpus: 0.1 }),
  agent: limits({ memoryMiB: 192, cpus: 0.25 }),
} satisfies Record<ServiceName, z.ZodType>);

/** Server connections that are nobody's but the superuser's: an operator gets in however busy the application is. */
export const SUPERUSER_CONNECTIONS = 5;
/**
 * Connection limits of the roles beside the application's. As the backup role a dump has its snapshot, pg_dump and its jobs, and beside them
 * failed logins are counted and a report is made: a connection that is missing fails the dump.
 */
export const ROLE_CONNECTIONS = { readonly: 5, backup: 6, monitoring: 5, maintenance: 2 } as const;

const database = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,51}$/, "must be a lower-case identifier of 52 characters at most")
      .default("fitnesscrm"),
    /** The application role's connection limit. Above the alarm, so that a leak is seen before it is felt. */
    appConnections: positive
      .min(
        MANUAL.thresholds["database-connections"].above + 1,
        `must be above the manual's alarm at ${MANUAL.thresholds["database-connections"].above} connections (M27)`,
      )
      .default(100),
    maxConnections: positive.max(1000, "must be 1000 or less").default(130),
    /** Statements that take longer are logged, milliseconds (M31). */
    slowStatementMilliseconds: positive
      .max(
        MANUAL.slowStatementMilliseconds,
        `must not be looser than the manual's ${MANUAL.slowStatementMilliseconds} ms (M31)`,
      )
      .default(MANUAL.slowStatementMilliseconds),
    sharedBuffersMiB: positive.default(256),
    /** Loopback port on the machine that runs Pulumi, through which the PostgreSQL provider reaches the server. */
    tunnelPort: port.default(15432),
  })
  .superRefine((value, context) => {
    const others = Object.values(ROLE_CONNECTIONS).reduce<number>(
      (sum, limit) => sum + limit,
      SUPERUSER_CONNECTIONS,
    );
    if (value.maxConnections < value.appConnections + others) {
      context.addIssue({
        code: "custom",
        path: ["maxConnections"],
        input: value.maxConnections,
        message: `must be at least ${value.appConnections + others}: appConnections and ${others} for operators and roles`,
      });
    }
  });

const timeZone = z
  .string()
  .refine(isTimeZone, `must be an IANA time zone such as ${MANUAL.timeZone}`)
  .default(MANUAL.timeZone);

function isTimeZone(name: string): boolean {
  // "EST" and "+05:00" are accepted by the runtime, but neither follows a clock change.
  if (!name.includes("/") && name !== "UTC") {
    return false;
  }
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const thresholds = z.strictObject(
  Object.fromEntries(
    KEY_METRICS.map((metric) => {
      const { above, unit, row } = MANUAL.thresholds[metric];
      return [
        metric,
        z
          .number()
          .gt(0, "must be more than 0")
          .max(above, `must not be looser than the manual's ${above} ${unit} (${row})`)
          .default(above),
      ];
    }),
  ) as Record<KeyMetric, z.ZodDefault<z.ZodNumber>>,
);

/** CloudWatch evaluates high-resolution metrics every 10 or 30 seconds and others by the minute. */
const period = z
  .int("must be a whole number")
  .refine((seconds) => [10, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0), {
    error: "must be 10, 30 or a multiple of 60 (seconds)",
  });

/** The longest that CloudWatch looks back. */
const DAY_SECONDS = 86_400;

function respondWithin(kind: keyof typeof MANUAL.onCall.respondWithinMinutes) {
  const minutes = MANUAL.onCall.respondWithinMinutes[kind];
  return positive
    .min(10, "must be 10 or more (seconds)")
    .max(minutes * 60, `must not be looser than the manual's ${minutes} minutes (M59)`)
    .default(minutes * 60);
}

/** How a deployment is judged (M16, M18). */
const deploy = z.strictObject({
  /** Critical endpoints, as paths below the public URL: each must answer 2xx or 3xx after a deployment. */
  endpoints: z
    .array(z.string().regex(/^\/\S*$/, "must be a path such as /api/health"))
    .min(1, "must name at least one endpoint")
    .default(["/", "/api/health"]),
  /** How long the first logs of a release are watched, seconds. */
  watchSeconds: positive.max(600, "must be 600 or less (seconds)").default(10),
  /** Lines that report errors in that time, up to which a release counts as good. */
  maxErrors: z
    .int("must be a whole number")
    .min(0, "must be 0 or more")
    .max(100, "must be 100 or less")
    .default(5),
  /**
   * When database and cache may be replaced, which users feel: `window` is the maintenance window only (M37). The default is
   * `anytime` on a stack that runs on an operator's machine, else `window`.
   */
  downtime: z.enum(["window", "anytime"]).optional(),
});

/** What `rollback` holds the stack to, until `unpin`. */
const pin = z.strictObject({
  /** Number of the update in the state's history. */
  version: positive,
  commit: z.string().nullable(),
  /** References as they stand in the release's own state. */
  images: z.strictObject({ backend: imageReference, frontend: imageReference, nginx: imageReference }),
  app: z.strictObject({
    version: z.string().optional(),
    environment: z.record(z.string(), z.string()),
    logLevel: z.enum(LOG_LEVELS),
    allowedOrigins: z.array(origin),
  }),
  by: z.string(),
  /** ISO time. */
  at: z.string(),
});

const network = z.string().refine(isNetwork, "must be an address or a network such as 10.0.0.0/8");

/** An address, or one with a number of bits that its family has. */
function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  return (
    family !== 0 &&
    more.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  );
}

const httpFields = z.strictObject({
  /** Port of the edge on every interface of the host. */
  port: port.default(80),
  /** The edge's port for TLS, where `tls` is set. */
  httpsPort: port.default(443),
  /** TLS ends at the edge, with a certificate of the public URL's name by ACME. Without it the edge speaks plain HTTP. */
  tls: tls.optional(),
  /** What a person types; the default is this machine with that port. */
  publicUrl: origin.optional(),
  /**
   * Load balancers before the edge: what they say about a client's address (X-Forwarded-For) and scheme (X-Forwarded-Proto) is
   * believed, and nobody else's word. Each must append to X-Forwarded-For.
   */
  trustedProxies: z.array(network).default([]),
  /** What one address may try to log in; more is answered with 429. */
  loginLimit: z
    .strictObject({
      /** POST requests to these are attempts; nothing else is counted. */
      paths: z
        .array(
          z
            .string()
            .regex(/^(\/[A-Za-z0-9._~-]+)+$/, "must be a path without a slash at its end such as /api/login"),
        )
        .min(1, "must name at least one path")
        .default(["/api/login"]),
      /** Attempts a minute, in the long run. */
      perMinute: positive.max(600, "must be 600 or less").default(10),
      /** Attempts beyond that at once: an office behind one address begins its day. */
      burst: z
        .int("must be a whole number")
        .min(0, "must be 0 or more")
        .max(1000, "must be 1000 or less")
        .default(20),
    })
    .prefault({}),
});

const http = httpFields.superRefine((value, context) => {
  for (const { key, message } of tlsFaults(value)) {
    context.addIssue({ code: "custom", path: [key], input: value[key], message });
  }
});

const password = z.string().regex(/^[\x21-\x7e]{16,}$/, "must be 16 printable ASCII characters or more");

const schemaFields = z.strictObject({
  app,
  contacts,
  deploy: deploy.prefault({}),
  pin: z.preprocess(absentWhenEmpty, pin.optional()),
  host: z
    .string()
    .regex(/^$|^unix:\/\/\/.+|^ssh:\/\/[^\s/]+$/, "must be empty, unix:///path or ssh://user@server[:port]")
    .default(""),
  http: http.prefault({}),
  replicas: z
    .strictObject({
      backend: positive.max(20, "must be 20 or less").default(2),
      frontend: positive.max(20, "must be 20 or less").default(1),
    })
    .prefault({}),
  resources: resources.prefault({}),
  database: database.prefault({}),
  redis: z
    .strictObject({
      maxMemoryMiB: z.int("must be a whole number").min(16, "must be 16 or more (MiB)").default(256),
      evictionPolicy: z
        .enum(["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu", "volatile-ttl", "noeviction"])
        .default("allkeys-lru"),
    })
    .prefault({}),
  backup: z
    .strictObject({
      /** Name of the bucket; the default is derived from the stack and made unique by Pulumi. */
      bucket: z
        .string()
        .regex(
          /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
          "must be a bucket name: 3 to 63 of a-z, 0-9, dot and dash",
        )
        .optional(),
      /** Days for which S3 keeps a backup (M43). */
      retentionDaysS3: positive
        .min(
          MANUAL.backup.retentionDaysS3,
          `must not be shorter than the manual's ${MANUAL.backup.retentionDaysS3} days (M43)`,
        )
        .default(MANUAL.backup.retentionDaysS3),
      /** Days for which the server keeps its own copy of a backup (M43). */
      retentionDaysLocal: positive
        .min(
          MANUAL.backup.retentionDaysLocal,
          `must not be shorter than the manual's ${MANUAL.backup.retentionDaysLocal} days (M43)`,
        )
        .default(MANUAL.backup.retentionDaysLocal),
      /**
       * Further public keys of age that every backup is encrypted to, beside the stack's own: one whose private key lies in a
       * safe opens the backups when the stack's secrets are lost.
       */
      recipients: z
        .array(z.string().regex(RECIPIENT_PATTERN, "must be a public key of age: age1 and 58 characters"))
        .default([]),
    })
    .prefault({}),
  alarms: z
    .strictObject({
      thresholds: thresholds.prefault({}),
      /** Length of one evaluation period, seconds. Drills set it short. */
      periodSeconds: period.default(60),
      evaluationPeriods: positive.max(60, "must be 60 or less").default(5),
      /** Periods in a row after which a service that is down or a host that is silent pages: sooner than what follows from it. */
      outagePeriods: positive.max(10, "must be 10 or less").default(2),
      /** Fewer requests than this in a period say nothing about response time and error rate. */
      minRequests: positive.max(1000, "must be 1000 or less").default(20),
      /** Seconds until a page that nobody acknowledged goes one step up the chain (M59). Drills set it short. */
      respondSeconds: z
        .strictObject({
          critical: respondWithin("critical"),
          other: respondWithin("nonCritical"),
        })
        .prefault({}),
      /** Failed logins from which on somebody may be trying to break in (M48). */
      failedLogins: z
        .strictObject({
          /** More than this many pages. */
          above: positive.max(100_000, "must be 100000 or less").default(50),
          /** In so many minutes. */
          minutes: positive.max(60, "must be 60 or less").default(10),
        })
        .prefault({}),
      /** Where an alarm's runbook is found; the alarm's name is appended. */
      runbookBaseUrl: z
        .string()
        .regex(/^https?:\/\/\S+[^\s/]$/, "must be a URL without a slash at its end")
        .optional(),
    })
    .refine(
      ({ periodSeconds, evaluationPeriods, respondSeconds: { critical, other } }) =>
        // The last step of the chain waits for as many times to respond.
        periodSeconds * evaluationPeriods + Math.max(3 * critical, 2 * other) <= DAY_SECONDS,
      {
        path: ["evaluationPeriods"],
        error: `times periodSeconds, and the chain's time to respond on top, must not be more than a day (${DAY_SECONDS} seconds)`,
      },
    )
    .prefault({}),
  maintenance: maintenance.prefault({}),
  security: security.prefault({}),
  images: images.prefault({}),
  aws: z.strictObject({
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be an AWS region such as us-east-1"),
    /** Present where an emulator stands in for AWS. */
    emulator: z
      .strictObject({
        /** As this machine reaches it. */
        endpoint: z.url("must be a URL such as http://127.0.0.1:4566"),
        /** As the stack's containers reach it. */
        containerEndpoint: z.url("must be a URL such as http://172.18.0.1:4566").optional(),
      })
      .optional(),
  }),
  /** Notices and reports. */
  mail: z.strictObject(
    {
      /** The address that they come from. Amazon asks it whether it agrees. */
      from: email,
    },
    {
      error: ({ code, input }) =>
        code === "invalid_type" && input === undefined
          ? "must be the sender of notices and reports, by --set 'mail={from: crm@example.com}'"
          : undefined,
    },
  ),
  /** Where recurring errors are filed as tickets. Needs `secrets.githubToken`. */
  tickets: z.preprocess(absentWhenEmpty, tickets.optional()),
  /** Whose issues the weekly report shows. Needs `secrets.sentryToken`. */
  sentry: z.preprocess(absentWhenEmpty, sentry.optional()),
  /** Whether fire drills may make their causes for real here. Never on a stack with users. */
  drills: z
    .union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")])
    .default(false),
  /** Present on stacks that run on an operator's machine only. */
  local: z.preprocess(absentWhenEmpty, z.strictObject({ awsPort: port, mailboxPort: port }).optional()),
  /** When each secret was made, ISO; kept by the launcher. One of before dates were kept has none. */
  secretDates: z
    .strictObject(
      Object.fromEntries(
        ALL_SECRETS.map((name) => [
          name,
          z.iso.datetime({ error: "must be a time such as 2026-01-02T10:00:00Z" }).optional(),
        ]),
      ) as Record<SecretName | GivenSecret, z.ZodOptional<z.ZodISODateTime>>,
    )
    .prefault({}),
  secrets: z.strictObject({
    ...(Object.fromEntries(
      SECRETS.map((name) => [
        name,
        name === "backupIdentity"
          ? z
              .string()
              .regex(IDENTITY_PATTERN, "must be a private key of age: AGE-SECRET-KEY-1 and 58 characters")
          : password,
      ]),
    ) as Record<SecretName, z.ZodString>),
    /**
     * While the application's password is replaced: that of the spare role (see `spareRole.ts`), as which the application logs in until its
     * own role has the new one. Kept by `./fitnesscrm secrets rotate`.
     */
    nextAppPassword: password.optional(),
    githubToken: password.optional(),
    sentryToken: password.optional(),
  }),
  timeZone,
});

/** The whole, with what only several keys together can tell. */
const schema = schemaFields.superRefine(
  ({ aws, contacts: { webhooks }, http: { tls: atEdge }, drills, tickets, sentry, secrets }, context) => {
    const emulated = aws.emulator !== undefined;
    for (const { path, input, message } of outsideFaults({ tickets, sentry, secrets, emulated })) {
      context.addIssue({ code: "custom", path: [...path], input, message });
    }
    if (drills && atEdge !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["drills"],
        input: drills,
        message: "must be false where http.tls is set: drills make their requests in plain HTTP",
      });
    }
    webhooks.forEach((url, index) => {
      if (aws.emulator === undefined && url.startsWith("http:")) {
        context.addIssue({
          code: "custom",
          path: ["contacts", "webhooks", index],
          input: url,
          message: "must begin with https: pages say what is wrong where",
        });
      }
    });
  },
);

/** Pulumi hands over a declared default where a key is absent, and the default of an object is an empty one. */
function absentWhenEmpty(value: unknown): unknown {
  return isRecord(value) && Object.keys(value).length === 0 ? undefined : value;
}

/** The stack's configuration. Secrets are plain here: whoever hands them on wraps them (see `index.ts`). */
export type Config = z.infer<typeof schema>;

/** The release that a rollback holds the stack to. */
export type Pin = NonNullable<Config["pin"]>;

/** Whether database and cache may be replaced outside of the maintenance window. */
export function downtimeMode({
  deploy: { downtime },
  local,
}: Pick<Config, "deploy" | "local">): "window" | "anytime" {
  return downtime ?? (local === undefined ? "window" : "anytime");
}

/** Keys below `fitnesscrm:`. */
export const CONFIG_KEYS = Object.keys(schemaFields.shape);

/** What people type to reach the application. */
export function publicUrlOf({ publicUrl, port }: Pick<Config["http"], "publicUrl" | "port">): string {
  return publicUrl ?? `http://localhost${port === 80 ? "" : `:${port}`}`;
}

/** Port of the host at which the edge answers users. */
export function edgePortOf({ tls: atEdge, port: plain, httpsPort }: Config["http"]): number {
  return atEdge === undefined ? plain : httpsPort;
}

/** Names that the edge's certificate is for: the one that people type. */
export function certificateNames(http: Pick<Config["http"], "publicUrl" | "port">): string[] {
  return [new URL(publicUrlOf(http)).hostname];
}

/** Wrong configuration, one line a fault. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      faults.length === 1
        ? `configuration: ${faults[0]}`
        : `configuration has ${faults.length} faults:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
    );
    this.name = "ConfigError";
  }
}

/**
 * Parses raw stack configuration.
 *
 * @param raw Values by full key (`fitnesscrm:app`), each as Pulumi keeps it: a string, objects and numbers as JSON.
 *   Keys of other namespaces (`aws:region`, `pulumi:tags`) are not looked at.
 * @param projectFolder Folder that a relative `app.source` starts from; undefined for who builds nothing from it: it may be gone then.
 * @throws ConfigError naming every fault.
 */
export function parseConfig(
  raw: Readonly<Record<string, string>>,
  projectFolder: string | undefined,
): Config {
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [fullKey, text] of Object.entries(raw)) {
    if (fullKey.startsWith(`${PROJECT}:`)) {
      values[fullKey.slice(PROJECT.length + 1)] = parseValue(text);
    }
  }
  const result = schema.safeParse(values);
  if (!result.success) {
    faults.push(...result.error.issues.flatMap((issue) => describeIssue(issue, values)));
  }
  const source = result.data?.app.source;
  if (source !== undefined && projectFolder !== undefined) {
    faults.push(...missingDockerfiles(source, projectFolder));
  }
  if (faults.length > 0 || result.data === undefined) {
    throw new ConfigError(faults);
  }
  return result.data;
}

function parseValue(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function missingDockerfiles(source: string, projectFolder: string): string[] {
  const folder = join(source.startsWith("/") ? "" : projectFolder, source);
  const missing = ["backend/Dockerfile.prod", "frontend/Dockerfile.prod"].filter(
    (file) => !existsSync(join(folder, file)),
  );
  return missing.length === 0
    ? []
    : [
        `${PROJECT}:app.source is ${show(source)}, which has no ${missing.join(" and no ")}: ` +
          "must be a folder with backend/Dockerfile.prod and frontend/Dockerfile.prod",
      ];
}

type Issue = z.core.$ZodIssue;

function describeIssue(issue: Issue, values: unknown): string[] {
  const path = issue.path.map((part) =>
    typeof part === "number" ? `[${part}]` : `.${showKey(String(part))}`,
  );
  const key = `${PROJECT}:${path.join("").replace(/^\./, "")}`;
  if (issue.code === "unrecognized_keys") {
    const allowed = allowedKeys(issue.path);
    return issue.keys.map(
      (name) =>
        `${key}${key.endsWith(":") ? "" : "."}${showKey(name)} is not a key: must be one of ${allowed.join(", ")}`,
    );
  }
  if (issue.code === "invalid_union") {
    return (
      issue.errors[0]?.flatMap((inner) =>
        describeIssue({ ...inner, path: [...issue.path, ...inner.path] }, values),
      ) ?? []
    );
  }
  const value = issue.path.reduce<unknown>(
    (node, part) =>
      isRecord(node) || Array.isArray(node) ? (node as Record<PropertyKey, unknown>)[part] : undefined,
    values,
  );
  const shown =
    value === undefined ? "is not set" : `is ${issue.path[0] === "secrets" ? "[secret]" : show(value)}`;
  return [`${key} ${shown}: ${explain(issue)}`];
}

function explain(issue: Issue): string {
  if (issue.code === "invalid_type" && issue.message.startsWith("Invalid input")) {
    return `must be ${article(issue.expected === "record" ? "object" : issue.expected)}`;
  }
  if (issue.code === "invalid_key") {
    return issue.issues[0]?.message ?? issue.message;
  }
  if (issue.code === "invalid_value") {
    return `must be one of ${issue.values.join(", ")}`;
  }
  return issue.message;
}

function article(word: string): string {
  return `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}

/** Keys that the schema knows at a path, for the error about one that it does not. */
function allowedKeys(path: readonly PropertyKey[]): string[] {
  let node: unknown = schema;
  for (const part of path) {
    node = unwrap(node);
    if (node instanceof z.ZodObject) {
      node = (node.shape as Record<PropertyKey, unknown>)[part];
    } else if (node instanceof z.ZodArray) {
      node = node.element;
    }
  }
  node = unwrap(node);
  return node instanceof z.ZodObject ? Object.keys(node.shape) : [];
}

function unwrap(node: unknown): unknown {
  let inner = node;
  for (;;) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
      inner = inner.unwrap();
    } else if (inner instanceof z.ZodPipe) {
      // What a preprocessor hands on, not the function itself.
      inner = inner.in instanceof z.ZodTransform ? inner.out : inner.in;
    } else if (inner instanceof z.ZodUnion) {
      inner = inner.options[0];
    } else {
      return inner;
    }
  }
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}

/** A key as it is, or quoted where it would break the line. */
function showKey(key: string): string {
  return /^[\w.-]+$/.test(key) ? key : JSON.stringify(key);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/**
 * Keys whose value still is the tracked file's placeholder ({@link UNSET}), as `fitnesscrm:contacts.onCall[0].email`.
 */
export function unsetKeys(raw: Readonly<Record<string, string>>): string[] {
  const found: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node === "string" && node.includes(UNSET)) {
      found.push(path);
    } else if (Array.isArray(node)) {
      node.forEach((item, index) => {
        visit(item, `${path}[${index}]`);
      });
    } else if (isRecord(node)) {
      for (const [key, value] of Object.entries(node)) {
        visit(value, `${path}.${key}`);
      }
    }
  };
  for (const [key, text] of Object.entries(raw)) {
    visit(parseValue(text), key);
  }
  return found;
}
