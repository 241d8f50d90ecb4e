import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { MOST_ISSUES, sentryIssues } from "../../../../ops/reports/outside/sentry";
import { json, OutsideServer, TOKEN } from "../../../support/outsideServers";

const signal = new AbortController().signal;
const REMEDY =
  "./fitnesscrm secrets set sentryToken hands over one that may read issues of fitness (event:read)";

/** An issue as Sentry's API has it, with some of what is not looked at. */
const issue = (id: number, more: object = {}) => ({
  id: String(id),
  shortId: `CRM-${id}`,
  title: `Error ${id}`,
  culprit: "api.clients in list",
  permalink: `https://fitness.sentry.io/issues/${id}/`,
  status: "unresolved",
  level: "error",
  count: String(1000 - id),
  userCount: id,
  firstSeen: "2026-03-01T10:00:00.123456Z",
  lastSeen: "2026-03-09T10:00:00Z",
  metadata: { type: "Error" },
  stats: { "24h": [[1773000000, 3]] },
  ...more,
});

/** Sentry, as far as a list of issues goes. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "", "http://sentry");
  if (request.headers.authorization !== `Bearer ${TOKEN}`) {
    json(response, 401, { detail: "Invalid token" });
  } else if (url.pathname !== "/api/0/organizations/fitness/issues/") {
    json(response, 404, { detail: "The requested resource does not exist" });
  } else if (!/^\d+[dhmsw]$/.test(url.searchParams.get("statsPeriod") ?? "")) {
    json(response, 400, { detail: "Invalid stats_period" });
  } else {
    const limit = Number(url.searchParams.get("limit") ?? 100);
    json(
      response,
      200,
      Array.from({ length: Math.min(limit, 40) }, (_, index) => issue(index + 1)),
    );
  }
}

describe("Sentry's unresolved issues", () => {
  let server: OutsideServer;
  beforeEach(async () => {
    server = new OutsideServer(answer);
    await server.open();
  });
  afterEach(() => server.close());

  const ask = (more: Partial<Parameters<typeof sentryIssues>[0]> = {}) =>
    sentryIssues(
      { organization: "fitness", project: "crm", apiUrl: server.url, token: TOKEN, ...more },
      7,
      signal,
    );

  it("are asked for those of the project and the week, by frequency, and so many", async () => {
    const found = await ask();
    assert.equal(found.length, MOST_ISSUES);
    assert.deepEqual(found[0], {
      id: "1",
      title: "Error 1",
      culprit: "api.clients in list",
      events: 999,
      users: 1,
      first: "2026-03-01T10:00:00.123456Z",
      last: "2026-03-09T10:00:00Z",
      link: "https://fitness.sentry.io/issues/1/",
    });
    const asked = new URL(server.seen[0]?.path ?? "", server.url).searchParams;
    assert.deepEqual(Object.fromEntries(asked), {
      query: "is:unresolved project:crm",
      statsPeriod: "7d",
      sort: "freq",
      limit: "15",
    });
  });

  it("are shown no more than so many, whatever Sentry answers", async () => {
    server.instead = (_request, response) =>
      json(
        response,
        200,
        Array.from({ length: 100 }, (_, index) => issue(index)),
      );
    assert.equal((await ask()).length, MOST_ISSUES);
  });

  it("may lack what is not always there, and link to web pages only", async () => {
    const links = ["javascript:alert(1)", "https://user@evil.example/", "https://a b", null];
    server.instead = (_request, response) =>
      json(
        response,
        200,
        links.map((permalink, index) =>
          issue(index, { permalink, culprit: null, userCount: null, count: 5 }),
        ),
      );
    const found = await ask();
    assert.deepEqual(
      found.map(({ link, culprit, users, events }) => [link, culprit, users, events]),
      links.map(() => ["", "", 0, 5]),
    );
  });

  const refusals: [what: string, more: Parameters<typeof ask>[0], line: string][] = [
    [
      "does not take the token",
      { token: "another-token-0123456789" },
      `Sentry does not take the token (401): ${REMEDY}`,
    ],
    [
      "does not know the organization",
      { organization: "other" },
      `Sentry does not know what was asked for, or hides it from the token (404): look at the settings; ${REMEDY.replace("fitness ", "other ")}`,
    ],
  ];
  for (const [what, more, line] of refusals) {
    it(`are told of in one line where Sentry ${what}`, async () => {
      await assert.rejects(ask(more), { message: line });
    });
  }

  const failures: [what: string, answering: (response: ServerResponse) => void, line: string][] = [
    [
      "forbids it",
      (response) => json(response, 403, { detail: `You do not have permission, ${TOKEN}` }),
      `Sentry does not let the token do that (403): You do not have permission, [token]; ${REMEDY}`,
    ],
    [
      "takes no more requests",
      (response) => json(response, 429, {}),
      "Sentry takes no more requests for now (429)",
    ],
    ["is broken", (response) => json(response, 503, { detail: "down" }), "Sentry answered 503: down"],
    ["hangs", () => undefined, "Sentry gave no answer within 0.1 s"],
    [
      "answers something else",
      (response) => json(response, 200, [{ id: "1" }]),
      "Sentry answered with something that is no list of issues: look at sentry.apiUrl",
    ],
    [
      "answers without an end",
      (response) => {
        response.writeHead(200);
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024, " "))) {}
        };
        response.on("drain", more);
        more();
      },
      "Sentry answered with more than 16 MiB",
    ],
  ];
  for (const [what, answering, line] of failures) {
    it(`are told of in one line where Sentry ${what}`, async () => {
      server.instead = (_request, response) => answering(response);
      await assert.rejects(ask({ answerMs: what === "hangs" ? 100 : 5_000 }), { message: line });
    });
  }

  it("are told of in one line where nobody listens, and no token goes to where Sentry leads", async () => {
    const gone = new OutsideServer(() => undefined);
    await gone.open();
    const apiUrl = gone.url;
    await gone.close();
    await assert.rejects(ask({ apiUrl }), /^Error: Sentry cannot be reached: .*ECONNREFUSED/);

    const other = new OutsideServer((_request, response) => json(response, 200, []));
    await other.open();
    try {
      server.instead = (request, response) =>
        response.writeHead(302, { Location: `${other.url}${request.url}` }).end();
      await assert.rejects(ask(), /which is not its own: the token is not sent there$/);
      assert.deepEqual(other.seen, []);
    } finally {
      await other.close();
    }
  });
});
