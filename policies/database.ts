import { MANUAL } from "../manual";
import { type Basis, type Member, type Rule, stackRule } from "./lib/rule";
import { duration, serverSetting, servers } from "./lib/server";
import { atMost } from "./lib/settings";

const ROLE = "postgresql:index/role:Role";
const EXTENSION = "postgresql:index/extension:Extension";

const CONNECTIONS = MANUAL.thresholds["database-connections"];
const LEAKS: Basis = {
  row: CONNECTIONS.row,
  says: `${CONNECTIONS.title} > ${CONNECTIONS.above}: ${CONNECTIONS.action}`,
};
const POOLS: Basis = { row: "M34", says: "Database Connection Errors: Check connection pool settings" };
const SLOW: Basis = { row: "M31", says: "View slow queries" };

/** Extension behind the manual's list of slow queries. */
const STATISTICS = "pg_stat_statements";

/** PostgreSQL's own defaults. */
const DEFAULTS = { max_connections: 100, superuser_reserved_connections: 3 } as const;

/** The application's role, by the end of its name. */
const APPLICATION = /(^|[_-])app(lication)?$/;

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
    stack.judge.must(
      () => !stack.complete || stack.of(EXTENSION).some(({ props }) => props.name === STATISTICS),
      "shows no statistics of statements to whoever asks the database",
      `a postgresql.Extension with the name ${STATISTICS}`,
    );
    for (const server of servers(stack)) {
      const logged = () => duration(serverSetting(stack, "log_min_duration_statement"));
      server.judge.must(
        () => logged() >= 0 && logged() <= milliseconds,
        () => (logged() >= 0 ? `logs statements slower than ${logged()} ms` : "does not log slow statements"),
        `the argument log_min_duration_statement of ${milliseconds} ms or less`,
      );
      server.judge.must(
        () => (serverSetting(stack, "shared_preload_libraries") ?? "").includes(STATISTICS),
        "keeps no statistics of its statements",
        `the argument shared_preload_libraries with ${STATISTICS}`,
      );
    }
  },
);

export const DATABASE: readonly Rule[] = [connections, slowStatements];
