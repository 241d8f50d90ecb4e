import assert from "node:assert/strict";
import { type Case, refusals } from "./support/cases";
import { happyStack } from "./support/happy";
import { change, type Declared, declare, judge, set } from "./support/harness";

const AUDIT = 'Manual M51: "Review audit logs".';
const POOLS = 'Manual M34: "Database Connection Errors: Check connection pool settings".';
const SLOW = 'Manual M31: "View slow queries".';

const cases: Case[] = [
  {
    refuses: "a superuser",
    resource: "Role backup",
    set: { superuser: true },
    policy: "role-privileges",
    message: `Role backup may do everything. Allowed: superuser false, or not set. ${AUDIT}`,
  },
  {
    refuses: "a role that creates roles",
    resource: "Role app",
    set: { createRole: true },
    policy: "role-privileges",
    message: `Role app may create roles. Allowed: createRole false, or not set. ${AUDIT}`,
  },
  {
    refuses: "a role that creates databases",
    resource: "Role app",
    set: { createDatabase: true },
    policy: "role-privileges",
    message: `Role app may create databases. Allowed: createDatabase false, or not set. ${AUDIT}`,
  },
  {
    refuses: "a role that runs programs on the machine",
    resource: "Role monitoring",
    set: { roles: ["pg_monitor", "pg_execute_server_program"] },
    policy: "role-privileges",
    message: `Role monitoring is a member of pg_execute_server_program. Allowed: roles that reach neither the server's files nor its programs. ${AUDIT}`,
  },
  {
    refuses: "a login without a connection limit",
    resource: "Role readonly",
    set: { connectionLimit: undefined },
    policy: "role-connection-limits",
    message: `Role readonly has no connection limit. Allowed: connectionLimit above 0. ${POOLS}`,
  },
  {
    refuses: "logins that together may take every connection",
    resource: "Role readonly",
    set: { connectionLimit: 126 },
    policy: "role-connection-limits",
    message: `Stack local lets its roles open 218 connections together, and the server has 125 for them. Allowed: connection limits that come to max_connections less superuser_reserved_connections, or less. ${POOLS}`,
  },
  {
    refuses: "an application that is cut off before its alarm goes off",
    resource: "Role app",
    set: { connectionLimit: 80 },
    policy: "role-connection-limits",
    message:
      "Role app may open 80 connections only, so that the alarm above 80 never goes off. Allowed: connectionLimit above 80, so that a leak is seen before it is felt. " +
      'Manual M27: "Database Connections > 80: Investigate connection leaks".',
  },
  {
    refuses: "a stack without a role for the application",
    resource: "Role app",
    set: { login: false },
    policy: "role-connection-limits",
    message: `Stack local has no role for the application, whose connections could be limited. Allowed: a postgresql.Role that logs in and whose name ends in _app. ${POOLS}`,
  },
  {
    refuses: "statements that are slow for longer than the manual's limit",
    resource: "Service db",
    set: {
      "taskSpec.containerSpec.args": [
        "-c",
        "log_min_duration_statement=1s",
        "-c",
        "shared_preload_libraries=pg_stat_statements",
      ],
    },
    policy: "slow-statements-logged",
    message: `Service db logs statements slower than 1000 ms. Allowed: the argument log_min_duration_statement of 500 ms or less. ${SLOW}`,
  },
  {
    refuses: "slow statements that are not logged",
    resource: "Service db",
    set: { "taskSpec.containerSpec.args": ["-c", "shared_preload_libraries=pg_stat_statements"] },
    policy: "slow-statements-logged",
    message: `Service db does not log slow statements. Allowed: the argument log_min_duration_statement of 500 ms or less. ${SLOW}`,
  },
  {
    refuses: "a server without statistics of its statements",
    resource: "Service db",
    set: { "taskSpec.containerSpec.args": ["-c", "log_min_duration_statement=500"] },
    policy: "slow-statements-logged",
    message: `Service db keeps no statistics of its statements. Allowed: the argument shared_preload_libraries with pg_stat_statements. ${SLOW}`,
  },
];

describe("policies on the database", () => {
  refusals(cases);

  const withSetting = (...words: string[]): Declared[] =>
    change(happyStack(), "Service db", (db) =>
      set(db, "taskSpec.containerSpec.args", ["-c", "shared_preload_libraries=pg_stat_statements", ...words]),
    );
  const slow = (stack: Declared[]): number => judge(stack, { only: ["slow-statements-logged"] }).length;

  for (const [words, refused] of [
    [["-c", "log_min_duration_statement=500"], 0],
    [["-c", "log_min_duration_statement=0.5s"], 0],
    [["-c", "log_min_duration_statement=0"], 0],
    [["-clog_min_duration_statement=250"], 0],
    [["--log-min-duration-statement=250ms"], 0],
    [["-c", "log_min_duration_statement=501"], 1],
    [["-c", "log_min_duration_statement=-1"], 1],
    [["-c", "log_min_duration_statement=1min"], 1],
    [["-c", "log_min_duration_statement=soon"], 1],
    [["-c", "log_min_duration_statement=100", "-c", "log_min_duration_statement=9000"], 1],
  ] as const) {
    it(`slow-statements-logged ${refused ? "refuses" : "accepts"} ${words.join(" ")}`, () =>
      assert.equal(slow(withSetting(...words)), refused));
  }

  it("slow-statements-logged reads a Swarm config, and lets arguments win over it", () => {
    const file = (text: string) =>
      declare("docker:index/serviceConfig:ServiceConfig", "postgresql.conf", {
        data: Buffer.from(text).toString("base64"),
      });
    const good = file("# slow\nlog_min_duration_statement = '250ms'  # milliseconds\n");
    const bad = file("#log_min_duration_statement = 250ms\nlog_min_duration_statement = 900\n");
    assert.equal(slow([...withSetting(), good]), 0);
    assert.equal(slow([...withSetting(), bad]), 1);
    assert.equal(slow([...withSetting("-c", "log_min_duration_statement=100"), bad]), 0);
  });

  it("slow-statements-logged can be made stricter", () => {
    const config = { "slow-statements-logged": { milliseconds: 200 } };
    assert.equal(judge(happyStack(), { config }).length, 1);
  });

  it("role-connection-limits goes by PostgreSQL's own defaults where the server's arguments say nothing", () => {
    const limits = (connectionLimit: number): number =>
      judge(
        change(withSetting(), "Role app", (role) => set(role, "connectionLimit", connectionLimit)),
        { only: ["role-connection-limits"] },
      ).length;
    assert.equal(limits(81), 0);
    assert.equal(limits(82), 1);
  });

  it("a role that does not log in needs no connection limit", () => {
    const group = declare("postgresql:index/role:Role", "group", {
      name: "fitnesscrm_readers",
      login: false,
    });
    assert.deepEqual(judge([...happyStack(), group]), []);
  });
});
