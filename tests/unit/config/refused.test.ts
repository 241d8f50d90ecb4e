import assert from "node:assert/strict";
import { ConfigError, parseConfig } from "../../../config";
import { BACKEND_IMAGE, type ConfigObject, minimalConfig, PIN, rawOf, withValue } from "../../support/config";
import { TempFolders } from "../../support/temp";

const TOP_LEVEL =
  "app, contacts, deploy, pin, host, http, replicas, resources, database, redis, backup, alarms, maintenance, security, images, aws, mail, tickets, sentry, drills, local, secretDates, secrets, timeZone";
const BY_DIGEST =
  "must name an image by digest, such as registry.example.com/fitnesscrm/backend@sha256:<64 hex digits>";
const EMAIL = "must be an email address such as oncall@example.com";
const TLS = { email: "ops@example.com" };
const IANA = "must be an IANA time zone such as America/New_York";

/** One wrong value, set into an otherwise right configuration, and the whole line that a person gets. */
type Case = [path: string, value: unknown, line: string];
const WRONG: Case[] = [
  [
    "mail",
    undefined,
    "fitnesscrm:mail is not set: must be the sender of notices and reports, by --set 'mail={from: crm@example.com}'",
  ],
  [
    "mail.from",
    "the gym",
    'fitnesscrm:mail.from is "the gym": must be an email address such as oncall@example.com',
  ],
  ["colour", "red", `fitnesscrm:colour is not a key: must be one of ${TOP_LEVEL}`],
  [
    "http.prt",
    80,
    "fitnesscrm:http.prt is not a key: must be one of port, httpsPort, tls, publicUrl, trustedProxies, loginLimit",
  ],
  [
    "contacts.securityTeam.phone",
    "1",
    "fitnesscrm:contacts.securityTeam.phone is not a key: must be one of name, email",
  ],
  [
    "contacts.onCall",
    [{ name: "Ada", email: "ada@example.com", phone: "1" }],
    "fitnesscrm:contacts.onCall[0].phone is not a key: must be one of name, email",
  ],
  ["resources.db.memory", 64, "fitnesscrm:resources.db.memory is not a key: must be one of memoryMiB, cpus"],
  [
    "resources.mysql",
    {},
    "fitnesscrm:resources.mysql is not a key: must be one of db, redis, backend, frontend, nginx, ops, restore, engine, agent",
  ],
  [
    "aws.emulator",
    { endpoint: "http://127.0.0.1:4566", region: "x" },
    "fitnesscrm:aws.emulator.region is not a key: must be one of endpoint, containerEndpoint",
  ],
  [
    "alarms.thresholds.gpu",
    80,
    "fitnesscrm:alarms.thresholds.gpu is not a key: must be one of cpu, memory, disk, response-time, error-rate, database-connections",
  ],
  [
    "secrets.rootPassword",
    "planted-and-never-shown",
    "fitnesscrm:secrets.rootPassword is not a key: must be one of postgresPassword, appPassword, readonlyPassword, backupPassword, monitoringPassword, maintenancePassword, redisPassword, secretKey, adminPassword, operatorsPassword, backupIdentity, archivePassphrase, nextAppPassword, githubToken, sentryToken",
  ],
  [
    "local",
    { awsPort: 4566, mailPort: 8025, mailboxPort: 8025 },
    "fitnesscrm:local.mailPort is not a key: must be one of awsPort, mailboxPort",
  ],
  [
    "deploy.endpoints",
    ["api/health"],
    'fitnesscrm:deploy.endpoints[0] is "api/health": must be a path such as /api/health',
  ],
  ["deploy.endpoints", [], "fitnesscrm:deploy.endpoints is []: must name at least one endpoint"],
  ["deploy.maxErrors", -1, "fitnesscrm:deploy.maxErrors is -1: must be 0 or more"],
  ["deploy.watchSeconds", 0, "fitnesscrm:deploy.watchSeconds is 0: must be 1 or more"],
  ["deploy.downtime", "never", 'fitnesscrm:deploy.downtime is "never": must be one of window, anytime'],
  ["app.migrate", [], "fitnesscrm:app.migrate is []: must name a command"],
  ["app.migrate", "flask db upgrade", 'fitnesscrm:app.migrate is "flask db upgrade": must be an array'],
  ["pin", { ...PIN, version: 0 }, "fitnesscrm:pin.version is 0: must be 1 or more"],
  [
    "pin",
    { ...PIN, images: { ...PIN.images, nginx: "nginx:latest" } },
    'fitnesscrm:pin.images.nginx is "nginx:latest": must name an image by digest or by its ID',
  ],

  ["app", undefined, "fitnesscrm:app is not set: must be an object"],
  ["app", "examples/app", 'fitnesscrm:app is "examples/app": must be an object'],
  ["app", {}, "fitnesscrm:app is {}: needs either source, or both backendImage and frontendImage"],
  [
    "app",
    { backendImage: BACKEND_IMAGE },
    `fitnesscrm:app is {"backendImage":"${BACKEND_IMAGE.slice(0, 60)}…: needs either source, or both backendImage and frontendImage`,
  ],
  ["app", { source: "" }, 'fitnesscrm:app.source is "": must not be empty'],
  [
    "app.backendImage",
    "registry.example.com/fitnesscrm/backend:1.2.3",
    `fitnesscrm:app.backendImage is "registry.example.com/fitnesscrm/backend:1.2.3": ${BY_DIGEST}`,
  ],
  [
    "app.frontendImage",
    "frontend@sha256:123",
    `fitnesscrm:app.frontendImage is "frontend@sha256:123": ${BY_DIGEST}`,
  ],
  [
    "app.environment",
    { "log-format": "json" },
    'fitnesscrm:app.environment.log-format is "json": must be an environment variable\'s name',
  ],
  ["app.environment", { WORKERS: 4 }, "fitnesscrm:app.environment.WORKERS is 4: must be a string"],
  ["app.logLevel", "TRACE", 'fitnesscrm:app.logLevel is "TRACE": must be one of DEBUG, INFO, WARNING, ERROR'],
  [
    "app.allowedOrigins",
    ["crm.example.com"],
    'fitnesscrm:app.allowedOrigins[0] is "crm.example.com": must be an origin without a slash at its end, such as https://crm.example.com',
  ],
  [
    "app.allowedOrigins",
    ["javascript:alert(1)"],
    'fitnesscrm:app.allowedOrigins[0] is "javascript:alert(1)": must be an origin without a slash at its end, such as https://crm.example.com',
  ],

  ["contacts", undefined, "fitnesscrm:contacts is not set: must be an object"],
  ["contacts.onCall", [], "fitnesscrm:contacts.onCall is []: must name at least one engineer"],
  ["contacts.onCall", "ada@example.com", 'fitnesscrm:contacts.onCall is "ada@example.com": must be an array'],
  ["contacts.databaseAdmin", undefined, "fitnesscrm:contacts.databaseAdmin is not set: must be an object"],
  ["contacts.databaseAdmin.name", "", 'fitnesscrm:contacts.databaseAdmin.name is "": must not be empty'],
  ["contacts.securityTeam.email", "nobody", `fitnesscrm:contacts.securityTeam.email is "nobody": ${EMAIL}`],

  [
    "contacts.escalation",
    undefined,
    "fitnesscrm:contacts.escalation is not set: must name engineeringManager, cto and ceo, each by --set 'contacts.escalation.ceo={name: …, email: …}'",
  ],
  ["contacts.escalation.ceo", undefined, "fitnesscrm:contacts.escalation.ceo is not set: must be an object"],
  [
    "contacts.securityTeam.email",
    "ADA@example.com",
    'fitnesscrm:contacts.securityTeam.email is "ADA@example.com": is the address of Ada too: each contact needs one of their own',
  ],
  [
    "contacts.escalation.cto.email",
    "manager@example.com",
    'fitnesscrm:contacts.escalation.cto.email is "manager@example.com": is the address of Mia too: each contact needs one of their own',
  ],
  [
    "contacts.onCall",
    [
      { name: "Ada", email: "ada@example.com" },
      { name: "Ada", email: "other@example.com" },
    ],
    'fitnesscrm:contacts.onCall[1].name is "Ada": is the name of another engineer of the rota: overrides could not tell them apart',
  ],
  [
    "contacts.rota.from",
    "2026-01-03",
    'fitnesscrm:contacts.rota.from is "2026-01-03": must be a Friday, the day of the handoff (M58)',
  ],
  [
    "contacts.rota.from",
    "2026-02-30",
    'fitnesscrm:contacts.rota.from is "2026-02-30": must be a date such as 2026-01-02',
  ],
  [
    "contacts.rota.from",
    "soon",
    'fitnesscrm:contacts.rota.from is "soon": must be a date such as 2026-01-02',
  ],
  [
    "contacts.rota",
    { from: "2026-01-09", plannedFrom: "2026-01-02" },
    'fitnesscrm:contacts.rota.plannedFrom is "2026-01-02": must not be before the rota begins, 2026-01-09',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Zoe", from: "2026-01-10T00:00", until: "2026-01-11T00:00" }],
    'fitnesscrm:contacts.rota.overrides[0].engineer is "Zoe": must be one of the rota: Ada, Ben',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Ada", from: "2026-01-11T00:00", until: "2026-01-11T00:00" }],
    'fitnesscrm:contacts.rota.overrides[0].until is "2026-01-11T00:00": must be after from, 2026-01-11T00:00',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Ada", from: "2026-01-16T16:00", until: "2026-01-16T18:00" }],
    'fitnesscrm:contacts.rota.overrides[0].until is "2026-01-16T18:00": must lie in the same shift as from: write one override for each shift',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Ben", from: "2026-01-02T16:00", until: "2026-01-02T17:00" }],
    'fitnesscrm:contacts.rota.overrides[0].from is "2026-01-02T16:00": must not be before the rota begins, 2026-01-02',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Ben", from: "2026-01-10T00:00", until: "2026-01-11T00:00" }],
    'fitnesscrm:contacts.rota.overrides[0].engineer is "Ben": has that shift anyway: must be somebody else',
  ],
  [
    "contacts.rota.overrides",
    [
      { engineer: "Ada", from: "2026-01-10T00:00", until: "2026-01-11T00:00" },
      { engineer: "Ada", from: "2026-01-10T23:00", until: "2026-01-12T00:00" },
    ],
    'fitnesscrm:contacts.rota.overrides[1].from is "2026-01-10T23:00": must not overlap with another override, 2026-01-10T00:00 to 2026-01-11T00:00',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Ada", from: "2026-02-31T10:00", until: "2026-03-04T00:00" }],
    'fitnesscrm:contacts.rota.overrides[0].from is "2026-02-31T10:00": must be a full hour such as 2026-12-24T17:00',
  ],
  [
    "contacts.rota.overrides",
    [{ engineer: "Ada", from: "2026-01-10T10:30", until: "2026-01-11T00:00" }],
    'fitnesscrm:contacts.rota.overrides[0].from is "2026-01-10T10:30": must be a full hour such as 2026-12-24T17:00',
  ],
  [
    "contacts.webhooks",
    ["http://hooks.example.com/x"],
    'fitnesscrm:contacts.webhooks[0] is "http://hooks.example.com/x": must begin with https: pages say what is wrong where',
  ],
  [
    "contacts.webhooks",
    ["ftp://example.com"],
    'fitnesscrm:contacts.webhooks[0] is "ftp://example.com": must be a URL such as https://events.pagerduty.com/…',
  ],
  [
    "alarms.respondSeconds.critical",
    1801,
    "fitnesscrm:alarms.respondSeconds.critical is 1801: must not be looser than the manual's 30 minutes (M59)",
  ],
  [
    "alarms.respondSeconds.other",
    14_401,
    "fitnesscrm:alarms.respondSeconds.other is 14401: must not be looser than the manual's 240 minutes (M59)",
  ],
  ["alarms.outagePeriods", 11, "fitnesscrm:alarms.outagePeriods is 11: must be 10 or less"],
  [
    "alarms",
    { periodSeconds: 3600, evaluationPeriods: 17 },
    "fitnesscrm:alarms.evaluationPeriods is 17: times periodSeconds, and the chain's time to respond on top, must not be more than a day (86400 seconds)",
  ],
  ["maintenance.noticeMail", "no", 'fitnesscrm:maintenance.noticeMail is "no": must be true or false'],
  ["drills", "yes", 'fitnesscrm:drills is "yes": must be a boolean'],

  [
    "host",
    "tcp://10.0.0.1:2375",
    'fitnesscrm:host is "tcp://10.0.0.1:2375": must be empty, unix:///path or ssh://user@server[:port]',
  ],
  ...["10.0.0.0/33", "10.0.0", "::/129", "10.0.0.0/8/8", "proxy.example.com"].map(
    (value): Case => [
      "http.trustedProxies",
      [value],
      `fitnesscrm:http.trustedProxies[0] is "${value}": must be an address or a network such as 10.0.0.0/8`,
    ],
  ),
  ...["/api/login/", "api/login", "/", "/api/login; return 200"].map(
    (value): Case => [
      "http.loginLimit.paths",
      [value],
      `fitnesscrm:http.loginLimit.paths[0] is "${value}": must be a path without a slash at its end such as /api/login`,
    ],
  ),
  ["http.loginLimit.paths", [], "fitnesscrm:http.loginLimit.paths is []: must name at least one path"],
  ["http.loginLimit.perMinute", 0, "fitnesscrm:http.loginLimit.perMinute is 0: must be 1 or more"],
  ["alarms.failedLogins.above", 0, "fitnesscrm:alarms.failedLogins.above is 0: must be 1 or more"],
  ["alarms.failedLogins.minutes", 61, "fitnesscrm:alarms.failedLogins.minutes is 61: must be 60 or less"],
  [
    "secretDates.secretKey",
    "yesterday",
    'fitnesscrm:secretDates.secretKey is "yesterday": must be a time such as 2026-01-02T10:00:00Z',
  ],
  [
    "security.secretAgeDays.appPassword",
    0,
    "fitnesscrm:security.secretAgeDays.appPassword is 0: must be 1 or more (days)",
  ],
  [
    "security.secretAgeDays.secretKey",
    3651,
    "fitnesscrm:security.secretAgeDays.secretKey is 3651: must be 3650 or less (days)",
  ],
  [
    "security.secretAgeDays.backupIdentity",
    365,
    "fitnesscrm:security.secretAgeDays.backupIdentity is not a key: must be one of appPassword, readonlyPassword, backupPassword, monitoringPassword, maintenancePassword, secretKey, operatorsPassword, postgresPassword, redisPassword",
  ],
  ...["2026-02-30", "yesterday", "2026-12", "2026-12-06T02:00"].map(
    (value): Case => [
      "images.packagesOf",
      value,
      `fitnesscrm:images.packagesOf is "${value}": must be a day such as 2026-12-06`,
    ],
  ),
  ["http.loginLimit.burst", -1, "fitnesscrm:http.loginLimit.burst is -1: must be 0 or more"],
  ["http.port", 0, "fitnesscrm:http.port is 0: must be 1 to 65535"],
  ["http.port", 65536, "fitnesscrm:http.port is 65536: must be 1 to 65535"],
  ["http.port", 80.5, "fitnesscrm:http.port is 80.5: must be a whole number"],
  ["http.port", "80", 'fitnesscrm:http.port is "80": must be a whole number'],
  ["http.port", null, "fitnesscrm:http.port is null: must be a whole number"],
  [
    "http.publicUrl",
    "crm.example.com",
    'fitnesscrm:http.publicUrl is "crm.example.com": must be an origin without a slash at its end, such as https://crm.example.com',
  ],
  ...[undefined, "http://crm.example.com"].map((publicUrl): [string, unknown, string] => [
    "http",
    { publicUrl, tls: TLS },
    `fitnesscrm:http.publicUrl is ${publicUrl === undefined ? "not set" : JSON.stringify(publicUrl)}: must be an https URL such as https://crm.example.com where http.tls is set`,
  ]),
  ...[
    "https://192.0.2.7",
    "https://[2001:db8::1]",
    "https://localhost",
    "https://a.localhost",
    "https://crm",
    "https://*.example.com",
  ].map((publicUrl): [string, unknown, string] => [
    "http",
    { publicUrl, tls: TLS },
    `fitnesscrm:http.publicUrl is ${JSON.stringify(publicUrl)}: must have a full name such as crm.example.com where http.tls is set: the authority comes there to look`,
  ]),
  [
    "http",
    { publicUrl: "https://crm.example.com", port: 443, tls: TLS },
    "fitnesscrm:http.httpsPort is not set: must be another port than http.port, where plain HTTP arrives",
  ],
  [
    "http",
    { publicUrl: "https://crm.example.com", tls: { email: "ops" } },
    'fitnesscrm:http.tls.email is "ops": must be an email address such as oncall@example.com',
  ],
  [
    "http",
    { publicUrl: "https://crm.example.com", tls: {} },
    "fitnesscrm:http.tls.email is not set: must be an email address such as oncall@example.com",
  ],
  [
    "http",
    { publicUrl: "https://crm.example.com", tls: { ...TLS, directory: "http://ca.example.com/dir" } },
    'fitnesscrm:http.tls.directory is "http://ca.example.com/dir": must be the https URL of an ACME directory such as https://acme-v02.api.letsencrypt.org/directory',
  ],
  [
    "http",
    { publicUrl: "https://crm.example.com", tls: { ...TLS, trust: "/etc/ssl/house.pem" } },
    'fitnesscrm:http.tls.trust is "/etc/ssl/house.pem": must be one or more certificates as PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, and nothing else',
  ],
  ["replicas.backend", 0, "fitnesscrm:replicas.backend is 0: must be 1 or more"],
  ["replicas.backend", 21, "fitnesscrm:replicas.backend is 21: must be 20 or less"],
  ["resources.db.memoryMiB", 16, "fitnesscrm:resources.db.memoryMiB is 16: must be 32 or more (MiB)"],
  ["resources.agent.cpus", 0, "fitnesscrm:resources.agent.cpus is 0: must be 0.05 or more"],

  [
    "database.appConnections",
    80,
    "fitnesscrm:database.appConnections is 80: must be above the manual's alarm at 80 connections (M27)",
  ],
  [
    "database",
    { appConnections: 109, maxConnections: 130 },
    "fitnesscrm:database.maxConnections is 130: must be at least 132: appConnections and 23 for operators and roles",
  ],
  [
    "database.appConnections",
    110,
    "fitnesscrm:database.maxConnections is not set: must be at least 133: appConnections and 23 for operators and roles",
  ],
  ["database.maxConnections", 1001, "fitnesscrm:database.maxConnections is 1001: must be 1000 or less"],
  [
    "database.slowStatementMilliseconds",
    501,
    "fitnesscrm:database.slowStatementMilliseconds is 501: must not be looser than the manual's 500 ms (M31)",
  ],
  [
    "database.name",
    "Fitness-CRM",
    'fitnesscrm:database.name is "Fitness-CRM": must be a lower-case identifier of 52 characters at most',
  ],
  ["database.tunnelPort", 70000, "fitnesscrm:database.tunnelPort is 70000: must be 1 to 65535"],
  ["redis.maxMemoryMiB", 8, "fitnesscrm:redis.maxMemoryMiB is 8: must be 16 or more (MiB)"],
  [
    "redis.evictionPolicy",
    "lru",
    'fitnesscrm:redis.evictionPolicy is "lru": must be one of allkeys-lru, allkeys-lfu, volatile-lru, volatile-lfu, volatile-ttl, noeviction',
  ],

  [
    "backup.retentionDaysS3",
    89,
    "fitnesscrm:backup.retentionDaysS3 is 89: must not be shorter than the manual's 90 days (M43)",
  ],
  [
    "backup.retentionDaysLocal",
    29,
    "fitnesscrm:backup.retentionDaysLocal is 29: must not be shorter than the manual's 30 days (M43)",
  ],
  [
    "backup.recipients",
    ["age1short"],
    'fitnesscrm:backup.recipients[0] is "age1short": must be a public key of age: age1 and 58 characters',
  ],
  [
    "backup.bucket",
    "My_Backups",
    'fitnesscrm:backup.bucket is "My_Backups": must be a bucket name: 3 to 63 of a-z, 0-9, dot and dash',
  ],

  [
    "http.publicUrl",
    "https://crm.example.com/",
    'fitnesscrm:http.publicUrl is "https://crm.example.com/": must be an origin without a slash at its end, such as https://crm.example.com',
  ],
  [
    "app.allowedOrigins",
    ["https://a.example.com,https://b.example.com"],
    'fitnesscrm:app.allowedOrigins[0] is "https://a.example.com,https://b.example.com": must be an origin without a slash at its end, such as https://crm.example.com',
  ],
  [
    "secrets.redisPassword",
    "planted planted plänted",
    "fitnesscrm:secrets.redisPassword is [secret]: must be 16 printable ASCII characters or more",
  ],

  [
    "alarms.thresholds.cpu",
    81,
    "fitnesscrm:alarms.thresholds.cpu is 81: must not be looser than the manual's 80 Percent (M22)",
  ],
  [
    "alarms.thresholds.memory",
    86,
    "fitnesscrm:alarms.thresholds.memory is 86: must not be looser than the manual's 85 Percent (M23)",
  ],
  [
    "alarms.thresholds.disk",
    85.5,
    "fitnesscrm:alarms.thresholds.disk is 85.5: must not be looser than the manual's 85 Percent (M24)",
  ],
  [
    "alarms.thresholds.response-time",
    501,
    "fitnesscrm:alarms.thresholds.response-time is 501: must not be looser than the manual's 500 Milliseconds (M25)",
  ],
  [
    "alarms.thresholds.error-rate",
    1.01,
    "fitnesscrm:alarms.thresholds.error-rate is 1.01: must not be looser than the manual's 1 Percent (M26)",
  ],
  [
    "alarms.thresholds.database-connections",
    81,
    "fitnesscrm:alarms.thresholds.database-connections is 81: must not be looser than the manual's 80 Count (M27)",
  ],
  ["alarms.thresholds.cpu", 0, "fitnesscrm:alarms.thresholds.cpu is 0: must be more than 0"],
  ["alarms.thresholds.cpu", "80", 'fitnesscrm:alarms.thresholds.cpu is "80": must be a number'],
  [
    "alarms.periodSeconds",
    45,
    "fitnesscrm:alarms.periodSeconds is 45: must be 10, 30 or a multiple of 60 (seconds)",
  ],
  [
    "alarms.periodSeconds",
    0,
    "fitnesscrm:alarms.periodSeconds is 0: must be 10, 30 or a multiple of 60 (seconds)",
  ],
  ["alarms.evaluationPeriods", 61, "fitnesscrm:alarms.evaluationPeriods is 61: must be 60 or less"],

  ["aws", undefined, "fitnesscrm:aws is not set: must be an object"],
  ["aws.region", "moon", 'fitnesscrm:aws.region is "moon": must be an AWS region such as us-east-1'],
  [
    "aws.emulator",
    {},
    "fitnesscrm:aws.emulator.endpoint is not set: must be a URL such as http://127.0.0.1:4566",
  ],
  ["local", "yes", 'fitnesscrm:local is "yes": must be an object'],
  ["local", { awsPort: 4566 }, "fitnesscrm:local.mailboxPort is not set: must be a whole number"],

  ["secrets", undefined, "fitnesscrm:secrets is not set: must be an object"],
  ["secrets", "planted, and no JSON", "fitnesscrm:secrets is [secret]: must be an object"],
  ["secrets.appPassword", undefined, "fitnesscrm:secrets.appPassword is not set: must be a string"],
  [
    "secrets.redisPassword",
    "planted",
    "fitnesscrm:secrets.redisPassword is [secret]: must be 16 printable ASCII characters or more",
  ],
  ["secrets.secretKey", { planted: 1 }, "fitnesscrm:secrets.secretKey is [secret]: must be a string"],

  [
    "secrets.githubToken",
    "planted token",
    "fitnesscrm:secrets.githubToken is [secret]: must be 16 printable ASCII characters or more",
  ],
  [
    "tickets",
    { repository: "example/crm" },
    "fitnesscrm:secrets.githubToken is not set: must be set where tickets is, by ./fitnesscrm secrets set githubToken",
  ],
  [
    "sentry",
    { organization: "fitness", project: "crm" },
    "fitnesscrm:secrets.sentryToken is not set: must be set where sentry is, by ./fitnesscrm secrets set sentryToken",
  ],
  ["timeZone", "Mars/Phobos", `fitnesscrm:timeZone is "Mars/Phobos": ${IANA}`],
  ["timeZone", "EST", `fitnesscrm:timeZone is "EST": ${IANA}`],
  ["timeZone", "+05:00", `fitnesscrm:timeZone is "+05:00": ${IANA}`],
  ["timeZone", "", `fitnesscrm:timeZone is "": ${IANA}`],
];

/** As above, where the tokens of services outside are there. */
const WRONG_OUTSIDE: Case[] = [
  ["tickets", "yes", 'fitnesscrm:tickets is "yes": must be an object'],
  [
    "tickets",
    { repository: "example/crm", token: "planted" },
    "fitnesscrm:tickets.token is not a key: must be one of repository, apiUrl",
  ],
  ...["crm", "example/crm/issues", "example/..", "https://github.com/example/crm", "-a/b", "a b/c"].map(
    (repository): Case => [
      "tickets.repository",
      repository,
      `fitnesscrm:tickets.repository is ${JSON.stringify(repository)}: must be a repository at GitHub such as example/crm`,
    ],
  ),
  ...["https://api.github.com/", "ftp://a", "https://a@b", "https://a/?q", "https://a/#x"].map(
    (apiUrl): Case => [
      "tickets",
      { repository: "example/crm", apiUrl },
      `fitnesscrm:tickets.apiUrl is ${JSON.stringify(apiUrl)}: must be a URL without a slash at its end such as https://github.example.com/api/v3`,
    ],
  ),
  [
    "sentry",
    { organization: "Fitness CRM", project: "crm" },
    `fitnesscrm:sentry.organization is "Fitness CRM": must be a slug as Sentry's addresses have it, such as fitness-crm`,
  ],
  ["sentry", { organization: "fitness" }, "fitnesscrm:sentry.project is not set: must be a string"],
];

function faultsOf(config: ConfigObject, projectFolder = "/nowhere"): readonly string[] {
  try {
    parseConfig(rawOf(config), projectFolder);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.faults;
  }
  return [];
}

describe("configuration that is refused", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  for (const [path, value, line] of WRONG) {
    it(`${path} = ${JSON.stringify(value) ?? "(absent)"}`, () => {
      assert.deepEqual(faultsOf(withValue(minimalConfig(), path, value)), [line]);
    });
  }

  it("a source folder without Dockerfiles: names each that is missing", () => {
    const project = folders.create({ "half/backend/Dockerfile.prod": "FROM scratch" });
    const allowed = "must be a folder with backend/Dockerfile.prod and frontend/Dockerfile.prod";
    const config = (source: string): ConfigObject => ({ ...minimalConfig(), app: { source } });
    assert.deepEqual(faultsOf(config("half"), project), [
      `fitnesscrm:app.source is "half", which has no frontend/Dockerfile.prod: ${allowed}`,
    ]);
    assert.deepEqual(faultsOf(config("absent"), project), [
      `fitnesscrm:app.source is "absent", which has no backend/Dockerfile.prod and no frontend/Dockerfile.prod: ${allowed}`,
    ]);
    assert.deepEqual(faultsOf(config(`${project}/half`), "/elsewhere"), [
      `fitnesscrm:app.source is ${JSON.stringify(`${project}/half`)}, which has no frontend/Dockerfile.prod: ${allowed}`,
    ]);
  });

  for (const [path, value, line] of WRONG_OUTSIDE) {
    it(`${path} = ${JSON.stringify(value)}, with tokens`, () => {
      const token = "planted-token-0123456789";
      const secrets = { ...(minimalConfig().secrets as object), githubToken: token, sentryToken: token };
      assert.deepEqual(faultsOf(withValue({ ...minimalConfig(), secrets }, path, value)), [line]);
    });
  }

  it("a service outside to which a token would go in clear", () => {
    const secrets = { ...(minimalConfig().secrets as object), githubToken: "planted-token-0123456789" };
    const tickets = { repository: "example/crm", apiUrl: "http://127.0.0.1:9" };
    assert.deepEqual(faultsOf({ ...minimalConfig(), secrets, tickets }), [
      'fitnesscrm:tickets.apiUrl is "http://127.0.0.1:9": must begin with https: a token is sent there',
    ]);
  });

  it("source and images together", () => {
    const [line = "", ...more] = faultsOf(withValue(minimalConfig(), "app.source", "examples/app"));
    assert.deepEqual(more, []);
    assert.match(line, /^fitnesscrm:app is .*: takes source or the two images, not both$/);
  });

  it("one fault is one line, several are a list that names every one", () => {
    const one = withValue(minimalConfig(), "timeZone", "EST");
    assert.throws(
      () => parseConfig(rawOf(one), "/nowhere"),
      new ConfigError([`fitnesscrm:timeZone is "EST": ${IANA}`]),
    );
    assert.equal(
      new ConfigError([`fitnesscrm:timeZone is "EST": ${IANA}`]).message,
      `configuration: fitnesscrm:timeZone is "EST": ${IANA}`,
    );
    const three = withValue(
      withValue(withValue(one, "http.port", 0), "app.logLevel", "LOUD"),
      "contacts.onCall",
      [],
    );
    assert.deepEqual([...faultsOf(three)].sort(), [
      'fitnesscrm:app.logLevel is "LOUD": must be one of DEBUG, INFO, WARNING, ERROR',
      "fitnesscrm:contacts.onCall is []: must name at least one engineer",
      "fitnesscrm:http.port is 0: must be 1 to 65535",
      `fitnesscrm:timeZone is "EST": ${IANA}`,
    ]);
    assert.equal(new ConfigError(["a", "b"]).message, "configuration has 2 faults:\n  a\n  b");
  });

  it("a database name whose role names PostgreSQL would cut to one and the same", () => {
    const faults = faultsOf(withValue(minimalConfig(), "database.name", "n".repeat(63)));
    assert.equal(faults.length, 1);
  });

  it("an environment that would overwrite what the stack itself hands to the backend", () => {
    for (const name of [
      "ALLOWED_ORIGINS",
      "LOG_LEVEL",
      "FITNESSCRM_SECRET_ENV",
      "DATABASE_URL",
      "SECRET_KEY",
    ]) {
      const faults = faultsOf(withValue(minimalConfig(), "app.environment", { [name]: "x" }));
      assert.equal(faults.length, 1, `${name} was accepted`);
      assert.match(faults[0] ?? "", new RegExp(`^fitnesscrm:app\\.environment\\.${name} `));
    }
  });

  it("keys with line breaks in them are still one line", () => {
    const [line = "", ...more] = faultsOf({ ...minimalConfig(), http: { "po\nrt": 80 } });
    assert.deepEqual(more, []);
    assert.doesNotMatch(line, /\n/);
  });
});
