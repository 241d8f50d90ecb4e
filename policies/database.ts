import { MANUAL } from "../manual";
import { type Basis, known, type Member, type Rule, resourceRule, type Stack, stackRule } from "./lib/rule";
import { container, SERVICE, serviceName } from "./lib/service";
import { atMost } from "./lib/settings";

const ROLE = "postgresql:index/role:Role";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";

const CONNECTIONS = MANUAL.thresholds["database-connections"];
const LEAKS: Basis = {
  row: CONNECTIONS.row,
  says: `${CONNECTIONS.title} > ${CONNECTIONS.above}: ${CONNECTIONS.action}`,
};
const POOLS: Basis = { row: "M34", says: "Database Connection Errors: Check connection pool settings" };
const AUDIT: Basis = { row: "M51", says: "Review audit logs" };
const SLOW: Basis = { row: "M31", says: "View slow queries" };

/** PostgreSQL's own defaults. */
const DEFAULTS = { max_connections: 100, superuser_reserved_connections: 3 } as const;

/** The application's role, by the end of its name. */
const APPLICATION = /(^|[_-])app(lication)?$/;

const RIGHTS = {
  superuser: "may do everything",
  createRole: "may create roles",
  createDatabase: "may create databases",
} as const;

const privileges = resourceRule(
  {
    name: "role-privileges",
    section: "Security Operations",
    basis: AUDIT,
    demands: "No database role is a superuser, creates roles or creates databases.",
    types: [ROLE],
  },
  ({ props }, judge) => {
    for (const right of ["superuser", "createRole", "createDatabase"] as const) {
      judge.must(() => props[right] !== true, RIGHTS[right], `${right} false, or not set`);
    }
    const granted = () => (props.roles ?? []).filter((name) => DANGEROUS.includes(name));
    judge.must(
      () => granted().length === 0,
      () => `is a member of ${granted().join(", ")}`,
      "roles that reach neither the server's files nor its programs",
    );
  },
);

/** PostgreSQL's predefined roles that lead to the machine or to a superuser. */
const DANGEROUS: readonly string[] = [
  "postgres",
  "pg_execute_server_program",
  "pg_read_server_files",
  "pg_write_server_files",
  "pg_write_all_data",
];

const connections = stackRule(
  {
    name: "role-connection-limits",
    section: "Troubleshooting",
    basis: POOLS,
    demands:
      "Every role that logs in has a connection limit, together they fit the server, and the application's lies above the alarm.",
  },
  (stack) => {
    const setting = (name: keyof typeof DEFAULTS) => Number(serverSetting(stack, name) ?? DEFAULTS[name]);
    const room = () => setting("max_connections") - setting("superuser_reserved_connections");
    const roles = stack.of(ROLE);
    const isApplication = ({ props }: Member<typeof ROLE>) =>
      props.login === true && APPLICATION.test(props.name ?? "");
    stack.judge.must(
      () => !stack.complete || roles.some(isApplication),
      "has no role for the application, whose connections could be limited",
      "a postgresql.Role that logs in and whose name ends in _app",
    );
    const sum = () =>
      roles.reduce(
        (total, { props }) => total + (props.login === true ? Math.max(0, props.connectionLimit ?? 0) : 0),
        0,
      );
    stack.judge.must(
      () => sum() <= room(),
      () => `lets its roles open ${sum()} connections together, and the server has ${room()} for them`,
      "connection limits that come to max_connections less superuser_reserved_connections, or less",
    );
    for (const { props, judge } of roles) {
      const logsIn = () => props.login === true;
      const limit = () => props.connectionLimit ?? -1;
      judge.must(() => !logsIn() || limit() > 0, "has no connection limit", "connectionLimit above 0");
      judge.must(
        () => !logsIn() || limit() <= 0 || !APPLICATION.test(props.name ?? "") || limit() > CONNECTIONS.above,
        () =>
          `may open ${limit()} connections only, so that the alarm above ${CONNECTIONS.above} never goes off`,
        `connectionLimit above ${CONNECTIONS.above}, so that a leak is seen before it is felt`,
        LEAKS,
      );
    }
  },
);

const slowStatements = stackRule(
  {
    name: "slow-statements-logged",
    section: "Monitoring",
    basis: SLOW,
    demands: "The database server logs slow statements and keeps statistics of all.",
    settings: {
      milliseconds: atMost(
        MANUAL.slowStatementMilliseconds,
        "Statements that take longer are logged, milliseconds.",
      ),
    },
  },
  (stack, { milliseconds }) => {
    for (const server of servers(stack)) {
      const logged = () => duration(serverSetting(stack, "log_min_duration_statement"));
      server.judge.must(
        () => logged() >= 0 && logged() <= milliseconds,
        () => (logged() >= 0 ? `logs statements slower than ${logged()} ms` : "does not log slow statements"),
        `the argument log_min_duration_statement of ${milliseconds} ms or less`,
      );
      server.judge.must(
        () => (serverSetting(stack, "shared_preload_libraries") ?? "").includes("pg_stat_statements"),
        "keeps no statistics of its statements",
        "the argument shared_preload_libraries with pg_stat_statements",
      );
    }
  },
);

function servers(stack: Stack): Member<typeof SERVICE>[] {
  return stack.of(SERVICE).filter(({ props }) => known(() => serviceName(props)) === "db");
}

/**
 * A setting of the database server, from its arguments (`-c name=value`) or from a Swarm config of the stack. Arguments win, as
 * they do for the server.
 */
function serverSetting(stack: Stack, name: string): string | undefined {
  const pattern = new RegExp(
    `^\\s*(?:--|-c\\s*)?${name.replaceAll("_", "[_-]")}\\s*=\\s*'?([^'#\\n]*?)'?\\s*(?:#.*)?$`,
    "m",
  );
  const words = servers(stack).flatMap(({ props }) => container(props).args ?? []);
  const inArguments = words.map((word) => pattern.exec(word)?.[1]).findLast((value) => value !== undefined);
  if (inArguments !== undefined) {
    return inArguments;
  }
  const files = stack.of(CONFIG).map(({ props }) => Buffer.from(props.data ?? "", "base64").toString("utf8"));
  return files.map((text) => pattern.exec(text)?.[1]).find((value) => value !== undefined);
}

/** A duration as PostgreSQL reads it, in milliseconds; -1 when there is none. */
function duration(text: string | undefined): number {
  const [, number, unit] = /^(-?\d+(?:\.\d+)?)\s*(ms|s|min|h)?$/.exec(text ?? "") ?? [];
  const scale = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[unit ?? "ms"];
  return number === undefined || scale === undefined ? -1 : Number(number) * scale;
}

export const DATABASE: readonly Rule[] = [privileges, connections, slowStatements];
