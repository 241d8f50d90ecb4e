import assert from "node:assert/strict";
import { ALL_SECRETS, SERVICES } from "../../../config";
import { RENEW_DAYS } from "../../../ops/certificates/certificate";
import { proseOf, tablesOf, textOf } from "../../support/documents";
import { deployedStack, type Stack } from "./truth/deployed";
import { edgeAnswers, edgeDirective, edgeHeaders, edgePaths, tlsVersions } from "./truth/edge";
import { exampleFailure, exampleRoutes, exampleSwitch } from "./truth/exampleApp";
import * as truth from "./truth/facts";

/** What a table says, by columns; a column that is not named is prose. */
interface Checked {
  columns: string[];
  /** Rows as they have to be, in any order. `said` are the rows of the document, for tables that name a choice. */
  rows: (stack: Stack, said: string[][]) => string[][];
}

interface Document {
  title: string;
  tables: Record<string, Checked | Checked[]>;
  /** Every number of the prose, in its words, from where it is true. */
  numbers: (stack: Stack) => string[];
}

const code = (text: string): string => `\`${text}\``;
const list = (names: readonly string[], none = "none"): string =>
  names.length === 0 ? none : names.map(code).join(", ");

/** Whose rows are all compared together, below: which section a cause belongs to is a matter of taste. */
const causes: Checked = { columns: ["it says"], rows: (_, said) => said };

const DOCUMENTS: Record<string, Document> = {
  "docs/production.md": {
    title: "Production deployment guide",
    tables: {
      Services: {
        columns: ["service", "tasks", "an update", "port of the host"],
        rows: ({ services }) =>
          services.map(({ name, tasks, order, port }) => [code(name), tasks, order, port ?? "none"]),
      },
      Ports: {
        columns: ["port", "of"],
        rows: (stack) => truth.ports(stack).map(([port, of]) => [code(port), of]),
      },
      Volumes: {
        columns: ["volume", "written by", "read by"],
        rows: ({ volumes }) =>
          volumes.map(({ name, writers, readers }) => [code(name), list(writers, ""), list(readers, "")]),
      },
      "A server": { columns: ["step"], rows: () => truth.hostSteps().map((name) => [name]) },
      Settings: { columns: ["key"], rows: () => truth.unsetKeys().map((key) => [code(key)]) },
      "By the calendar": {
        columns: [
          "task",
          "in",
          "when (minute, hour, day, month, weekday)",
          "one whose time has passed meanwhile",
        ],
        rows: () =>
          truth
            .tasks()
            .map(({ name, service, cron, hoursBefore, missed }) => [
              code(name),
              code(service),
              hoursBefore === undefined ? code(cron) : `${code(cron)}, ${hoursBefore} hours before`,
              missed,
            ]),
      },
      "How long things are kept": {
        columns: ["where", "days"],
        rows: ({ keptDays }) => [
          [`volume ${code("backups")}`, String(truth.DEFAULTS.backup.retentionDaysLocal)],
          ...keptDays.map(([prefix, days]) => [`${code(prefix)} in the bucket`, days]),
        ],
      },
    },
    numbers: ({ oldVersionDays, log }) => [
      truth.supportedSystems(),
      `TCP ports ${truth.openPorts()} open`,
      `\`http.httpsPort\` (${truth.DEFAULTS.http.httpsPort})`,
      `fewer than ${RENEW_DAYS} days`,
      `older version for ${oldVersionDays} days`,
      `${log.files} files of ${log.mebibytes} MiB`,
    ],
  },
  "docs/performance.md": {
    title: "Performance optimization guide",
    tables: {
      "What counts as slow": {
        columns: ["metric", "alarm above", "severity", "the manual's action"],
        rows: () => truth.thresholds(),
      },
      "Limits of the services": {
        columns: ["service", "memory MiB", "CPUs"],
        rows: ({ services }) => services.map(({ name, memoryMiB, cpus }) => [code(name), memoryMiB, cpus]),
      },
      "The database server": {
        columns: ["setting", "value"],
        rows: () => truth.serverSettings().map(([name, value]) => [code(name), code(value.trim())]),
      },
      "The edge": {
        columns: ["directive", "value"],
        rows: (_, said) => said.map(([name = ""]) => [name, code(edgeDirective(name.replaceAll("`", "")))]),
      },
    },
    numbers: () => [
      `\`database.slowStatementMilliseconds\` (${truth.DEFAULTS.database.slowStatementMilliseconds})`,
      `role may have ${truth.DEFAULTS.database.appConnections} `,
      `Redis takes ${truth.DEFAULTS.redis.maxMemoryMiB} MiB at most`,
      `goes off at ${truth.alarm("redis-memory").threshold}%`,
      `evicts by \`${truth.DEFAULTS.redis.evictionPolicy}\``,
      `each ${truth.weekdayOf("report-tables")} by the task`,
      `each ${truth.weekdayOf("report-performance")} in`,
      `they fit into ${truth.memoryTogether()} GiB`,
      truth.percentile(),
      // An argument of a command, any number is as true.
      "scale backend 4",
    ],
  },
  "docs/security.md": {
    title: "Security hardening guide",
    tables: {
      "At the edge": {
        columns: ["header", "value"],
        rows: () => edgeHeaders().map(([name, value]) => [code(name), code(value)]),
      },
      Containers: {
        columns: ["service", "runs as", "root file system", "capabilities", "sees of the host"],
        rows: ({ services }) =>
          services.map(({ name, readOnlyRoot, capabilities, hostFolders }) => [
            code(name),
            truth.userOf(name),
            readOnlyRoot ? "read-only" : "writable",
            list(capabilities),
            list(hostFolders, "nothing"),
          ]),
      },
      "Secrets are files": {
        columns: ["service", "files"],
        rows: ({ services }) => services.map(({ name, secrets }) => [code(name), list(secrets)]),
      },
      "Roles of the database": {
        columns: ["role", "connections", "member of", "longest statement"],
        rows: ({ roles }) =>
          roles.map(({ role, connections, memberOf, statementSeconds }) => [
            code(role),
            connections,
            list(memberOf),
            statementSeconds === 0 ? "no limit" : `${statementSeconds} s`,
          ]),
      },
      "Keys of AWS": {
        columns: ["user", "may"],
        rows: ({ users }) => users.map(({ name, actions }) => [code(name), list(actions)]),
      },
      "Passwords and keys": {
        columns: ["secret", "replaced by", "then"],
        rows: () => ALL_SECRETS.map((name) => [code(name), ...truth.rotationOf(name)]),
      },
    },
    numbers: ({ idleInTransactionMinutes }) => {
      const { loginLimit } = truth.DEFAULTS.http;
      const { minutes, above } = truth.DEFAULTS.alarms.failedLogins;
      return [
        `\`http.loginLimit.perMinute\` (${loginLimit.perMinute})`,
        `\`http.loginLimit.burst\` (${loginLimit.burst})`,
        `gets ${truth.loginLimitStatus()} in JSON`,
        `speaks ${tlsVersions()} with`,
        `\`alarms.failedLogins.minutes\` (${minutes})`,
        `\`alarms.failedLogins.above\` (${above})`,
        `does nothing for ${idleInTransactionMinutes} minutes is ended`,
        ...Object.values(truth.DEFAULTS.security.secretAgeDays).map(
          (days) => `\`security.secretAgeDays.NAME\` (${days})`,
        ),
      ];
    },
  },
  "docs/api.md": {
    title: "API documentation",
    tables: {
      "What the edge serves": {
        columns: ["path", "is answered by"],
        rows: () =>
          edgePaths().map(([path, by]) => [code(path), /^(backend|frontend)$/.test(by) ? code(by) : by]),
      },
      "What the edge answers itself": {
        columns: ["status", "body"],
        rows: () => edgeAnswers().map(([status, body]) => [status, code(body)]),
      },
      "What the application is given": {
        columns: ["variable", "comes from"],
        rows: ({ applicationVariables }) => applicationVariables.map(([name, from]) => [code(name), from]),
      },
      "The example application": {
        columns: ["route", "log-in", "good", "refused with"],
        rows: () =>
          exampleRoutes().map(({ route, login, good, refused }) => [
            code(route),
            login ? "yes" : "no",
            good,
            refused.join(", "),
          ]),
      },
    },
    numbers: (stack) => [
      `Bodies above ${truth.largestBodyMiB()} MiB`,
      `listens on port ${truth.ports(stack).find(([, of]) => of.startsWith("`backend`"))?.[0]}`,
      `is refused with ${exampleFailure("are not allowed")}`,
      `route that needs it answers ${exampleFailure("database is not reachable")}`,
      `fails with ${exampleFailure("it was logged")}`,
      exampleSwitch(),
    ],
  },
  "docs/troubleshooting.md": {
    title: "Troubleshooting guide",
    tables: {
      "A service won't start": causes,
      "High CPU": causes,
      "Database connection errors": causes,
      "Out of memory": causes,
      "Slow performance": causes,
    },
    numbers: () => {
      const { thresholds } = truth.DEFAULTS.alarms;
      return [
        `uses more than ${thresholds.cpu}% of the CPUs`,
        `above ${thresholds.memory}% of its limit`,
        `more than ${thresholds["database-connections"]} sessions`,
        `took more than ${thresholds["response-time"]} ms`,
        `take ${truth.DEFAULTS.database.slowStatementMilliseconds} ms or more`,
        // Arguments of a command: any number is as true.
        "logs db --tail 50",
        "logs backend --tail 100",
      ];
    },
  },
};

describe("the five key documents that the manual names", function () {
  this.timeout(120_000);
  let stack: Stack;

  before(async () => {
    stack = await deployedStack();
  });

  it("are linked from the map of the manual", () => {
    const map = tablesOf(textOf("docs/manual.md")).find(({ heading }) => heading === "Key documents");
    assert.deepEqual(
      map?.rows.map(([, here]) => here),
      Object.entries(DOCUMENTS).map(([file, { title }]) => `[${title}](${file.replace("docs/", "")})`),
    );
  });

  for (const [file, { title, tables, numbers }] of Object.entries(DOCUMENTS)) {
    describe(file, () => {
      const text = textOf(file);

      it("has its title, and no table that nobody compares", () => {
        assert.equal(text.split("\n")[0], `# ${title}`);
        assert.deepEqual(
          tablesOf(text).map(({ heading }) => heading),
          Object.keys(tables),
        );
      });

      for (const [heading, checked] of Object.entries(tables)) {
        it(`says under "${heading}" what is declared`, () => {
          const table = tablesOf(text).find((one) => one.heading === heading);
          for (const { columns, rows } of [checked].flat()) {
            const at = columns.map((column) => table?.header.indexOf(column) ?? -1);
            assert.ok(!at.includes(-1), `columns ${columns.join()} of ${table?.header.join()}`);
            const said = (table?.rows ?? []).map((row) => at.map((index) => row[index] ?? ""));
            assert.ok(said.length > 0);
            assert.deepEqual(said.toSorted(byText), rows(stack, said).toSorted(byText));
          }
        });
      }

      it("has no number in its prose that is not taken from where it is true", () => {
        const free = tablesOf(text).flatMap(({ heading, header, rows }) => {
          const compared = [tables[heading] ?? []].flat().flatMap(({ columns }) => columns);
          return rows.map((row) =>
            row.filter((_, index) => !compared.includes(header[index] ?? "")).join(" | "),
          );
        });
        let prose = [proseOf(text), ...free].join("\n");
        for (const words of numbers(stack)) {
          assert.ok(
            [prose, text].some((where) => where.includes(words)),
            `it does not say: ${words}`,
          );
          prose = prose.replaceAll(words, "");
        }
        // Rows of the manual, severities, names, and the numbers of the manual's own sections.
        const rest = prose.replace(/\b(M\d+|P\d|S3)\b/g, "").replace(/^## \d\. /gm, "");
        assert.deepEqual(
          rest.split("\n").filter((line) => /\d/.test(line)),
          [],
        );
      });
    });
  }

  it("tell in the troubleshooting guide of every cause that a diagnosis knows, and in no other words", () => {
    const said = tablesOf(textOf("docs/troubleshooting.md")).flatMap(({ rows }) => rows);
    const words = said.flatMap(([cause = ""]) =>
      [...cause.matchAll(/`([a-z-]+)`/g)].map(([, word = ""]) => word),
    );
    assert.deepEqual(words.sort(), truth.causes());
  });

  it("name every service where they name services", () => {
    for (const [file, heading] of [
      ["docs/production.md", "Services"],
      ["docs/performance.md", "Limits of the services"],
      ["docs/security.md", "Containers"],
      ["docs/security.md", "Secrets are files"],
    ] as const) {
      const table = tablesOf(textOf(file)).find((one) => one.heading === heading);
      assert.deepEqual(
        table?.rows.map(([name = ""]) => name.replaceAll("`", "")),
        SERVICES,
        `${file}, ${heading}`,
      );
    }
  });
});

function byText(one: string[], other: string[]): number {
  return one.join().localeCompare(other.join());
}
