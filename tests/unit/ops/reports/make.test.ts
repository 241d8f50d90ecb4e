import assert from "node:assert/strict";
import type { Mail } from "../../../../ops/mail/mailer";
import type { Tickets } from "../../../../ops/reports/context";
import { type Asked, type Delivery, deliverReport, mailOf, makeReport } from "../../../../ops/reports/make";
import type { SentryIssue } from "../../../../ops/reports/outside/sentry";
import { assemble } from "../../../../ops/reports/parts";
import { type ErrorGroup, OTHER } from "../../../../ops/reports/sources/edgeLog";
import type { Remembered } from "../../../../ops/reports/store";
import type { TicketOutcome } from "../../../../ops/reports/tickets/file";

const NOW = new Date("2026-03-09T12:00:00.000Z");
const HOUR = 3_600_000;
const WEEK_AGO = new Date(NOW.getTime() - 7 * 24 * HOUR).toISOString();
const aWeekAgo = (report: Remembered): Remembered => ({ ...report, at: WEEK_AGO });
const away = (): Promise<never> => Promise.reject(new Error("it is away"));

/** A stack that is well; what a test wants otherwise, it says. */
function asked(more: Partial<Asked> = {}): Asked {
  return {
    stack: "unit",
    timeZone: "America/New_York",
    slowMilliseconds: 500,
    agentSeconds: 60,
    secretAges: [],
    monitoring: async () => [],
    data: async () => [],
    maintenance: async () => [],
    metrics: {
      series: async ({ name, statistic }) => {
        const value = statistic === "SampleCount" ? 1 : 20;
        return [{ at: new Date(NOW.getTime() - HOUR), value: name.startsWith("api_error") ? 0 : value }];
      },
      dimensionValues: async () => [],
      openAlarms: async () => [],
    },
    checks: async () => [{ name: "database", reason: null, milliseconds: 3 }],
    backups: async () => [
      {
        id: "20260309-060000-abcd",
        createdAt: new Date(NOW.getTime() - 6 * HOUR).toISOString(),
        bytes: 2048,
        sha256: "0",
        label: null,
        release: "r",
        local: true,
        s3: true,
        verifiedAt: NOW.toISOString(),
      },
    ],
    cache: away,
    edgeErrors: async () => ({ groups: [], oldest: undefined }),
    deployments: async () => [],
    ...more,
  };
}

const signal = new AbortController().signal;

describe("the parts of a report", () => {
  it("are made one after the other, and one that fails says so in its place", async () => {
    const order: string[] = [];
    const part = (title: string, work: () => Promise<object>) => ({
      title,
      make: async () => {
        order.push(title);
        return work();
      },
    });
    const sections = await assemble(
      [
        part("one", async () => ({ lead: "1" })),
        part("two", away),
        part("three", async () => ({ lead: "3" })),
      ],
      signal,
    );
    assert.deepEqual(order, ["one", "two", "three"]);
    assert.deepEqual(sections, [
      { title: "one", lead: "1" },
      { title: "two", failure: "it is away" },
      { title: "three", lead: "3" },
    ]);
  });

  it("that hang are given up, and told to end", async () => {
    let told = false;
    const sections = await assemble(
      [
        {
          title: "hangs",
          make: (ending) =>
            new Promise(() => {
              ending.addEventListener("abort", () => {
                told = true;
              });
            }),
        },
        { title: "next", make: async () => ({ lead: "made" }) },
      ],
      signal,
      20,
    );
    assert.match(String(sections[0]?.failure), /^it took longer than/);
    assert.equal(sections[1]?.lead, "made");
    assert.ok(told);
  });

  it("end with the run", async () => {
    const stop = new AbortController();
    const making = assemble([{ title: "hangs", make: () => new Promise(() => undefined) }], stop.signal);
    stop.abort(new Error("ended by SIGTERM"));
    await assert.rejects(making, /ended by SIGTERM/);
  });
});

describe("a report", () => {
  it("of a stack that is well has nothing to look at", async () => {
    const made = await makeReport("morning", asked(), undefined, signal, NOW);
    assert.match(made.text, /^Nothing needs a look\.$/m);
    assert.match(made.text, /20260309-060000-abcd +2 KiB +yes/);
    assert.equal(
      mailOf(made, ["a@example.com"]).subject,
      "[FitnessCRM unit] Morning report: nothing to look at",
    );
  });

  it("names a service that is not healthy, with its reason", async () => {
    const sick = asked({ checks: async () => [{ name: "cache", reason: "ECONNREFUSED", milliseconds: 1 }] });
    const made = await makeReport("morning", sick, undefined, signal, NOW);
    assert.match(made.text, /^!! cache +not healthy: ECONNREFUSED$/m);
    assert.equal(mailOf(made, ["a@example.com"]).subject, "[FitnessCRM unit] Morning report: 1 to look at");
  });

  it("names a backup that is too old", async () => {
    const [backup] = await asked().backups();
    const old = { ...backup, createdAt: new Date(NOW.getTime() - 27 * HOUR).toISOString() };
    const made = await makeReport(
      "morning",
      asked({ backups: async () => [old as Awaited<ReturnType<Asked["backups"]>>[number]] }),
      undefined,
      signal,
      NOW,
    );
    assert.match(made.text, /^!! Newest verified dump +27 h/m);
  });

  it("finds what roles came and went since the one before", async () => {
    const roles = (lines: string[]) =>
      asked({
        monitoring: async <Row extends object>(sql: string) =>
          (sql.includes("pg_roles") ? lines.map((line) => ({ line })) : []) as Row[],
      });
    const first = await makeReport(
      "security",
      roles(["app: may log in", "old: may log in"]),
      undefined,
      signal,
      NOW,
    );
    assert.match(first.text, /nothing to compare with yet/);
    const second = await makeReport(
      "security",
      roles(["app: may log in, superuser", "old: may log in"]),
      first.remembered,
      signal,
      NOW,
    );
    assert.match(second.text, /^ +now +app: may log in, superuser$/m);
    assert.match(second.text, /^ +no longer +app: may log in$/m);
  });

  it("names the secrets that are over their limit of age, and no other", async () => {
    const since = (days: number): string => new Date(NOW.getTime() - days * 24 * HOUR).toISOString();
    const made = await makeReport(
      "security",
      asked({
        secretAges: [
          { name: "appPassword", since: since(366), limitDays: 365 },
          { name: "secretKey", since: since(365), limitDays: 365 },
          { name: "backupPassword", since: null, limitDays: 90 },
        ],
      }),
      undefined,
      signal,
      NOW,
    );
    assert.match(made.text, /^! +Over their limit of age +2/m);
    assert.match(made.text, /^ +appPassword +366 +365$/m);
    assert.match(made.text, /^ +backupPassword +no data +90$/m);
    assert.doesNotMatch(made.text, /secretKey/);
    const none = await makeReport("security", asked(), undefined, signal, NOW);
    assert.match(none.text, /^ +Over their limit of age +0/m);
  });

  it("tells recurring errors from new ones", async () => {
    const group = (request: string) => ({
      request,
      status: 500,
      count: 2,
      first: NOW.toISOString(),
      last: NOW.toISOString(),
    });
    const failing = (...requests: string[]) =>
      asked({ edgeErrors: async () => ({ groups: requests.map(group), oldest: NOW.toISOString() }) });
    const first = await makeReport("errors", failing("GET /api/a"), undefined, signal, NOW);
    assert.match(first.text, /^ +Recurring ones +0/m);
    const second = await makeReport(
      "errors",
      failing("GET /api/b", "GET /api/a"),
      aWeekAgo(first.remembered),
      signal,
      NOW,
    );
    assert.match(second.text, /^! +Recurring ones +1 \(\+1\)/m);
    assert.match(second.text, /GET \/api\/a +500 +2 \(±0\)/);
  });
});

describe("the report of errors", () => {
  const group = (request: string, count = 2): ErrorGroup => ({
    request,
    status: 500,
    count,
    first: NOW.toISOString(),
    last: NOW.toISOString(),
  });
  const failing = (requests: readonly string[], more: Partial<Asked> = {}) =>
    asked({
      edgeErrors: async () => ({
        groups: requests.map((request) => group(request)),
        oldest: NOW.toISOString(),
      }),
      ...more,
    });
  const DONE: TicketOutcome = { filed: 1, updated: 0, reopened: 0, closed: 0, left: 0 };
  const make = (given: Asked, before?: Remembered) => makeReport("errors", given, before, signal, NOW);

  it("has no part on tickets or Sentry where neither is set", async () => {
    const { report } = await make(failing(["GET /api/a"]));
    assert.deepEqual(
      report.sections.map(({ title }) => title),
      ["The week", "Errors by request", "Database"],
    );
  });

  it("files what recurs, and nothing that is new or no one error", async () => {
    const filed: string[][] = [];
    const tickets: Tickets = {
      repository: "example/crm",
      file: async (errors) => {
        filed.push(errors.map(({ request }) => request));
        return { ...DONE, filed: errors.length };
      },
    };
    const first = await make(failing(["GET /api/a", OTHER], { tickets }));
    const { text } = await make(
      failing(["GET /api/b", OTHER, "GET /api/a"], { tickets }),
      aWeekAgo(first.remembered),
    );
    assert.deepEqual(filed, [[], ["GET /api/a"]]);
    assert.match(text, /^Recurring errors are issues of example\/crm with the label fitnesscrm\.$/m);
    assert.match(text, /^ +Filed +1$/m);
    assert.doesNotMatch(text, /could not be/);
  });

  it("reads the log once for both of its parts", async () => {
    let reads = 0;
    const tickets: Tickets = { repository: "example/crm", file: async () => DONE };
    await make(
      asked({
        tickets,
        edgeErrors: async () => {
          reads += 1;
          return { groups: [], oldest: undefined };
        },
      }),
    );
    assert.equal(reads, 1);
  });

  it("that is only looked at files nothing, and says so", async () => {
    const given = failing(["GET /api/a"], { tickets: { repository: "example/crm" } });
    const { text } = await make(given, aWeekAgo((await make(given)).remembered));
    assert.match(text, /A report that is only looked at files none\./);
    assert.match(text, /^ +Would have a ticket +1$/m);
  });

  it("is sent where GitHub is away, with a line on why nothing was filed", async () => {
    const tickets: Tickets = { repository: "example/crm", file: away };
    const { text, report } = await make(failing(["GET /api/a"], { tickets }));
    assert.match(text, /^Tickets\n-+\nThis part could not be made: it is away$/m);
    assert.equal(report.sections.filter(({ failure }) => failure !== undefined).length, 1);
  });

  it("names what GitHub took no more of, and warns", async () => {
    const outcome: TicketOutcome = {
      ...DONE,
      left: 2,
      failure: "GitHub takes no more requests for now (429)",
    };
    const tickets: Tickets = { repository: "example/crm", file: async () => outcome };
    const { text } = await make(failing(["GET /api/a"], { tickets }));
    assert.match(text, /^To look at: .*Tickets that could not be filed/m);
    assert.match(
      text,
      /^! +Tickets that could not be filed +2 +\(GitHub takes no more requests for now \(429\)\)$/m,
    );
    const bounded: Tickets = { ...tickets, file: async () => ({ ...DONE, left: 2 }) };
    const { text: calm } = await make(failing(["GET /api/a"], { tickets: bounded }));
    assert.match(calm, /^ +Wait for the next report +2 +\(a report files 10 at most\)$/m);
  });

  it("shows Sentry's issues with the change of their counts, escaped", async () => {
    const issue = (events: number): SentryIssue => ({
      id: "17",
      title: "TypeError: <img src=x>",
      culprit: "api/clients in list",
      events,
      users: 4,
      first: "2026-03-01T10:00:00.000Z",
      last: "2026-03-09T10:00:00.000Z",
      link: "https://example.sentry.io/issues/17/",
    });
    const days: number[] = [];
    const given = (events: number) =>
      asked({
        sentry: async (asked) => {
          days.push(asked);
          return [issue(events)];
        },
      });
    const first = await make(given(30));
    const { text, html } = await make(given(42), first.remembered);
    assert.deepEqual(days, [7, 7]);
    assert.match(
      text,
      /TypeError: <img src=x> +api\/clients in list +42 \(\+12\) +4 +2026-03-01 05:00 +2026-03-09 06:00 +https:\/\/example\.sentry\.io\/issues\/17\//,
    );
    assert.ok(html.includes("TypeError: &lt;img src=x&gt;"));
    const none = await make(asked({ sentry: async () => [] }));
    assert.match(none.text, /No unresolved issue\./);
  });

  it("says that Sentry is away, has the rest, and forgets what was recurring all the same", async () => {
    const week = (requests: readonly string[]) => failing(requests, { sentry: away });
    const first = await make(week(["GET /api/a"]));
    assert.match(first.text, /^Sentry\n-+\nThis part could not be made: it is away$/m);
    const second = await make(week(["GET /api/b"]), aWeekAgo(first.remembered));
    // Two weeks ago is not the week before, also where figures of then were kept.
    const third = await make(week(["GET /api/a"]), aWeekAgo(second.remembered));
    assert.match(third.text, /^ +Recurring ones +0/m);
  });

  it("takes nothing for recurring that was there before a week whose log could not be read", async () => {
    const first = await make(failing(["GET /api/a"]));
    const second = await make(asked({ edgeErrors: away }), aWeekAgo(first.remembered));
    const third = await make(failing(["GET /api/a"]), aWeekAgo(second.remembered));
    assert.match(third.text, /^ +Recurring ones +0/m);
  });

  it("is compared with the week before, however often it is made", async () => {
    const first = await make(failing(["GET /api/a"]));
    const second = await make(failing(["GET /api/a", "GET /api/b"]), aWeekAgo(first.remembered));
    const again = await make(failing(["GET /api/a", "GET /api/b"]), second.remembered);
    for (const { text } of [second, again]) {
      assert.match(text, /^! +Recurring ones +1\b/m);
    }
    const newStack = await make(failing(["GET /api/a"]), first.remembered);
    assert.match(newStack.text, /^ +Recurring ones +0/m);
  });

  it("goes by the figures of a report of before there were lists of errors", async () => {
    const before: Remembered = {
      at: WEEK_AGO,
      figures: { "error:500 GET /api/a": 1, "error-kinds": 1 },
      lists: {},
    };
    const { text } = await make(failing(["GET /api/a", "GET /api/b"]), before);
    assert.match(text, /^! +Recurring ones +1/m);
  });
});

describe("the delivery of a report", () => {
  let sent: Mail[];
  let kept: Remembered[];
  beforeEach(() => {
    sent = [];
    kept = [];
  });
  const delivery = (more: Partial<Delivery> = {}): Delivery => ({
    last: async () => undefined,
    send: async (mail) => void sent.push(mail),
    keep: async ({ remembered }) => void kept.push(remembered),
    ...more,
  });
  const options = { signal, log: () => undefined };
  const TO = ["ada@example.com"];

  it("sends it with both forms, and keeps it", async () => {
    const { reason } = await deliverReport("morning", asked(), TO, delivery(), options);
    assert.equal(reason, "sent to ada@example.com");
    assert.equal(sent.length, 1);
    assert.deepEqual(sent[0]?.to, TO);
    assert.match(String(sent[0]?.html), /^<!doctype html>/);
    assert.match(String(sent[0]?.text), /^Morning report, stack unit$/m);
    assert.equal(kept[0]?.figures["open-alarms"], 0);
  });

  it("sends the rest when a part fails, and says what is missing", async () => {
    const { reason } = await deliverReport("morning", asked({ backups: away }), TO, delivery(), options);
    assert.equal(reason, "sent to ada@example.com, without 1 of its parts: Backups: it is away");
    assert.match(String(sent[0]?.subject), /1 of 5 parts missing$/);
    assert.match(String(sent[0]?.html), /This part could not be made: it is away/);
  });

  it("keeps what a part that failed was compared with", async () => {
    const before: Remembered = {
      at: "2026-03-08T12:00:00.000Z",
      figures: { backups: 12 },
      lists: { roles: ["app"] },
    };
    const last = async () => before;
    await deliverReport("morning", asked({ backups: away }), TO, delivery({ last }), options);
    assert.equal(kept[0]?.figures.backups, 12);
    assert.deepEqual(kept[0]?.lists, before.lists);
  });

  it("goes on where the report before cannot be read", async () => {
    await deliverReport("morning", asked(), TO, delivery({ last: away }), options);
    assert.match(String(sent[0]?.text), /nothing to compare with/);
  });

  const failures: [what: string, given: Asked, more: Partial<Delivery>, reason: RegExp][] = [
    ["is not sent", asked(), { send: away }, /^Error: it is away$/],
    ["is not kept", asked(), { keep: away }, /^Error: sent, but not kept for the next one: it is away$/],
    [
      "has no part",
      asked({
        checks: away,
        backups: away,
        metrics: { series: away, dimensionValues: away, openAlarms: away },
      }),
      {},
      /^Error: sent, but no part of it could be made: Services: it is away; /,
    ],
  ];
  for (const [what, given, more, reason] of failures) {
    it(`is a failed task where it ${what}`, async () => {
      await assert.rejects(deliverReport("morning", given, TO, delivery(more), options), reason);
    });
  }
});
