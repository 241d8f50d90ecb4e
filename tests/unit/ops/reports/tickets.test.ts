import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { ErrorGroup } from "../../../../ops/reports/sources/edgeLog";
import {
  fileTickets,
  MOST_FILED,
  MOST_UPDATED,
  stepFor,
  type TicketOutcome,
} from "../../../../ops/reports/tickets/file";
import { gitHubIssues, nextPage } from "../../../../ops/reports/tickets/github";
import { LABEL } from "../../../../ops/reports/tickets/text";
import { GitHub, json, OutsideServer, TOKEN } from "../../../support/outsideServers";

const UNTIL = new Date("2026-03-09T12:00:00.000Z");
const signal = new AbortController().signal;
const REMEDY = "./fitnesscrm secrets set githubToken hands over one that may write issues of example/crm";

const error = (request: string, more: Partial<ErrorGroup> = {}): ErrorGroup => ({
  request,
  status: 500,
  count: 3,
  first: "2026-03-04T09:00:00.000Z",
  last: "2026-03-08T21:00:00.000Z",
  ...more,
});
const many = (count: number): ErrorGroup[] =>
  Array.from({ length: count }, (_, index) => error(`GET /${index}`, { count: count - index }));
const outcome = (more: Partial<TicketOutcome>): TicketOutcome => ({
  filed: 0,
  updated: 0,
  reopened: 0,
  closed: 0,
  left: 0,
  ...more,
});

describe("recurring errors as tickets at GitHub", () => {
  let gitHub: GitHub;
  beforeEach(async () => {
    gitHub = new GitHub();
    await gitHub.server.open();
  });
  afterEach(() => gitHub.server.close());

  const issues = (more: { apiUrl?: string; token?: string; answerMs?: number } = {}) =>
    gitHubIssues({ repository: "example/crm", apiUrl: gitHub.server.url, token: TOKEN, ...more });
  const file = (errors: readonly ErrorGroup[], until = UNTIL, place = issues()) =>
    fileTickets(place, { stack: "unit", timeZone: "America/New_York", until, errors }, signal);

  it("are one issue each, with the label", async () => {
    assert.deepEqual(await file([error("GET /a"), error("GET /b")]), outcome({ filed: 2 }));
    assert.deepEqual(
      gitHub.issues.map(({ title, labels }) => [title, labels]),
      [
        ["500 again and again: GET /a", [{ name: LABEL }]],
        ["500 again and again: GET /b", [{ name: LABEL }]],
      ],
    );
  });

  it("are filed once: the same again writes nothing, a week later the counts are brought up to date", async () => {
    await file([error("GET /a")]);
    const writes = gitHub.writes;
    assert.deepEqual(await file([error("GET /a")]), outcome({ updated: 1 }));
    assert.equal(gitHub.writes, writes);

    gitHub.issues[0] = { ...(gitHub.issues[0] ?? gitHub.add({})), title: "Somebody's own words" };
    gitHub.issues[0].body += "\n\nIt is the pool.";
    const later = new Date("2026-03-16T12:00:00.000Z");
    const again = error("GET /a", { count: 40, last: "2026-03-15T10:00:00.000Z" });
    assert.deepEqual(await file([again], later), outcome({ updated: 1 }));
    assert.equal(gitHub.issues.length, 1);
    const [issue] = gitHub.issues;
    assert.equal(issue?.title, "Somebody's own words");
    assert.match(String(issue?.body), /\| Failed requests \| 40 \|[\s\S]*-->\n\nIt is the pool\.$/);
  });

  it("are found again on any page, among pull requests and what others have labelled", async () => {
    gitHub.largestPage = 2;
    await file([error("GET /a")]);
    gitHub.add({ labels: [{ name: LABEL }], body: null });
    gitHub.add({ labels: [{ name: LABEL }], body: gitHub.issues[0]?.body ?? "", pull_request: {} });
    gitHub.add({ labels: [{ name: LABEL }], body: "by hand" });
    gitHub.add({ labels: [{ name: LABEL }], body: "by hand" });
    assert.deepEqual(await file([error("GET /a")]), outcome({ updated: 1 }));
    assert.equal(gitHub.issues.length, 5);
    assert.ok(gitHub.server.seen.some(({ path }) => path.includes("page=3")));
  });

  it("of two about the same, the older one is kept up to date", async () => {
    await file([error("GET /a")]);
    gitHub.add({ labels: [{ name: LABEL }], body: gitHub.issues[0]?.body ?? "" });
    await file([error("GET /a", { count: 99 })]);
    assert.deepEqual(
      gitHub.issues.map(({ body }) => /Failed requests \| (\d+)/.exec(body ?? "")?.[1]),
      ["99", "3"],
    );
  });

  it("of another stack have tickets of their own in the same repository", async () => {
    await file([error("GET /a")]);
    const other = { stack: "staging", timeZone: "UTC", until: UNTIL, errors: [error("GET /a")] };
    assert.deepEqual(await fileTickets(issues(), other, signal), outcome({ filed: 1 }));
  });

  it("open a ticket again, with a comment, when they are back after it was closed", async () => {
    await file([error("GET /a")]);
    gitHub.close(1, "2026-03-08T20:59:59Z");
    assert.deepEqual(await file([error("GET /a")]), outcome({ reopened: 1 }));
    const [issue] = gitHub.issues;
    assert.equal(issue?.state, "open");
    assert.deepEqual(issue?.comments, [
      "It is back: 3 failed requests in the last week, the last one at 2026-03-08 17:00 (America/New_York).",
    ]);
    assert.deepEqual(await file([error("GET /a")]), outcome({ updated: 1 }));
    assert.equal(issue?.comments.length, 1);
  });

  it("leave a ticket closed that was closed after the last failure, or as not planned", async () => {
    await file([error("GET /a"), error("GET /b"), error("GET /c")]);
    gitHub.close(1, "2026-03-08T21:00:00Z");
    gitHub.close(2, "2026-03-05T00:00:00Z", "not_planned");
    gitHub.close(3, "2026-03-05T00:00:00Z", "duplicate");
    const writes = gitHub.writes;
    assert.deepEqual(await file([error("GET /a"), error("GET /b"), error("GET /c")]), outcome({ closed: 3 }));
    assert.equal(gitHub.writes, writes);
  });

  it("count as back where nobody knows when the ticket was closed", () => {
    assert.equal(stepFor({ open: false, closedAt: null, declined: false }, error("GET /a")), "reopened");
  });

  it("are filed so many a report, the most frequent first, and the next report goes on", async () => {
    const errors = many(MOST_FILED + 3).reverse();
    assert.deepEqual(await file(errors), outcome({ filed: MOST_FILED, left: 3 }));
    assert.match(String(gitHub.issues[0]?.title), /GET \/0$/);
    assert.deepEqual(await file(errors), outcome({ filed: 3, updated: MOST_FILED }));
    assert.deepEqual(await file(errors), outcome({ updated: MOST_FILED + 3 }));
    assert.equal(gitHub.issues.length, MOST_FILED + 3);
  });

  it("are brought up to date so many a report", async () => {
    const errors = many(MOST_UPDATED + 1);
    for (let report = 0; report < 4; report++) {
      await file(errors);
    }
    assert.equal(gitHub.issues.length, MOST_UPDATED + 1);
    assert.deepEqual(await file(errors), outcome({ updated: MOST_UPDATED, left: 1 }));
  });

  it("are filed no further where GitHub leaves the label out, by which they would be found again", async () => {
    gitHub.mayLabel = false;
    const result = await file([error("GET /a"), error("GET /b")]);
    assert.equal(gitHub.issues.length, 1);
    assert.deepEqual(
      result,
      outcome({
        left: 2,
        failure:
          "GitHub filed an issue without the label fitnesscrm, by which it is found again: the token's owner must be able to push to example/crm",
      }),
    );
  });

  type Refused = [what: string, answer: (response: ServerResponse) => void, line: string | RegExp];
  const refusals: Refused[] = [
    [
      "does not take the token",
      (response) => json(response, 401, { message: `Bad credentials ${TOKEN}` }),
      `GitHub does not take the token (401): ${REMEDY}`,
    ],
    [
      "takes no more requests in this hour",
      (response) =>
        json(
          response,
          403,
          { message: "API rate limit exceeded" },
          {
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1773061200",
          },
        ),
      "GitHub takes no more requests for now (403), until 2026-03-09 13:00 UTC",
    ],
    [
      "takes no more requests in this minute",
      (response) => json(response, 429, {}, { "Retry-After": "60" }),
      "GitHub takes no more requests for now (429), for 60 s",
    ],
    [
      "does not let the token do that",
      (response) => json(response, 403, { message: `Resource not\naccessible by ${TOKEN}` }),
      `GitHub does not let the token do that (403): Resource not accessible by [token]; ${REMEDY}`,
    ],
    [
      "hides the repository",
      (response) => json(response, 404, { message: "Not Found" }),
      `GitHub does not know what was asked for, or hides it from the token (404): look at the settings; ${REMEDY}`,
    ],
    ["is broken", (response) => response.writeHead(500).end("<html>"), "GitHub answered 500"],
    [
      "has no issues there",
      (response) => json(response, 410, { message: "Issues are disabled for this repo" }),
      "GitHub answered 410: Issues are disabled for this repo",
    ],
    ["hangs", () => undefined, "GitHub gave no answer within 0.1 s"],
    [
      "hangs in the middle of an answer",
      (response) => void response.writeHead(200).write("["),
      "GitHub gave no answer within 0.1 s",
    ],
    ["breaks off", (response) => response.destroy(), /^GitHub cannot be reached: \S/],
    [
      "answers no JSON",
      (response) => response.writeHead(200).end("<html>"),
      "GitHub answered with something that is not JSON: look at its apiUrl",
    ],
    [
      "answers no list",
      (response) => json(response, 200, { login: "ada" }),
      "GitHub answered with something that is no list of issues: look at tickets.apiUrl",
    ],
  ];
  for (const [what, answer, line] of refusals) {
    it(`are told of in one line where GitHub ${what}`, async () => {
      gitHub.server.instead = (_request, response) => answer(response);
      await assert.rejects(file([error("GET /a")], UNTIL, issues({ answerMs: 100 })), (thrown: Error) => {
        assert.doesNotMatch(thrown.message, new RegExp(`${TOKEN}|\n`));
        assert.match(thrown.message, typeof line === "string" ? /^GitHub/ : line);
        if (typeof line === "string") {
          assert.equal(thrown.message, line);
        }
        return true;
      });
    });
  }

  it("say how far they got where GitHub refuses in the middle", async () => {
    await file([error("GET /a")]);
    let writes = 0;
    const server = gitHub.server;
    server.instead = (request, response, body) => {
      server.instead = request.method !== "GET" && ++writes === 2 ? limited : server.instead;
      if (server.instead === limited) {
        limited(request, response, body);
      } else {
        gitHub.answerAsEver(request, response, body);
      }
    };
    const limited: NonNullable<OutsideServer["instead"]> = (_request, response) =>
      json(response, 403, { message: "secondary rate limit" }, { "Retry-After": "30" });
    const errors = [
      error("GET /a", { count: 30 }),
      error("GET /b", { count: 20 }),
      error("GET /c", { count: 10 }),
    ];
    assert.deepEqual(
      await file(errors),
      outcome({ updated: 1, left: 2, failure: "GitHub takes no more requests for now (403), for 30 s" }),
    );
  });

  it("follow a repository that was renamed, and its pages", async () => {
    const server = gitHub.server;
    server.instead = (request, response, body) => {
      const { url = "" } = request;
      if (url.startsWith("/repos/")) {
        response.writeHead(307, { Location: url.replace("/repos/example/crm", "/repositories/17") }).end();
        return;
      }
      request.url = url.replace("/repositories/17", "/repos/example/crm");
      gitHub.answerAsEver(request, response, body);
    };
    assert.deepEqual(await file([error("GET /a")]), outcome({ filed: 1 }));
    assert.deepEqual(await file([error("GET /a")]), outcome({ updated: 1 }));
  });

  it("send the token to no other host, whether GitHub redirects there or has its next page there", async () => {
    const other = new OutsideServer((_request, response) => json(response, 200, []));
    await other.open();
    try {
      const host = new URL(other.url).host;
      const refused = `GitHub points to ${host}, which is not its own: the token is not sent there`;
      gitHub.server.instead = (_request, response) =>
        response.writeHead(301, { Location: `${other.url}/repos/example/crm/issues` }).end();
      await assert.rejects(file([error("GET /a")]), { message: refused });
      gitHub.server.instead = (_request, response) =>
        json(response, 200, [], { Link: `<${other.url}/next>; rel="next"` });
      await assert.rejects(file([error("GET /a")]), { message: refused });
      assert.deepEqual(other.seen, []);
    } finally {
      await other.close();
    }
  });

  it("are not filed where GitHub leads in circles, or its list has no end", async () => {
    gitHub.server.instead = (request, response) =>
      response.writeHead(307, { Location: `${request.url}` }).end();
    await assert.rejects(file([error("GET /a")]), /GitHub leads from one address to the next/);
    gitHub.server.instead = (request, response) =>
      json(response, 200, [], { Link: `<${gitHub.server.url}${request.url}>; rel="next"` });
    await assert.rejects(file([error("GET /a")]), /has more than 3000 issues with the label fitnesscrm/);
    assert.equal(gitHub.writes, 0);
  });

  it("end with the run", async () => {
    gitHub.server.instead = () => undefined;
    const stop = new AbortController();
    const filing = fileTickets(
      issues(),
      { stack: "unit", timeZone: "UTC", until: UNTIL, errors: [error("GET /a")] },
      stop.signal,
    );
    stop.abort(new Error("ended by SIGTERM"));
    await assert.rejects(filing, /ended by SIGTERM/);
  });
});

describe("the next page of a list", () => {
  const cases: [link: string | null, next: string | undefined][] = [
    [null, undefined],
    ["", undefined],
    ['<https://a.example/2>; rel="next", <https://a.example/9>; rel="last"', "https://a.example/2"],
    [
      '<https://a.example/1>; rel="prev", <https://a.example/3?q=a,b>; rel="next"',
      "https://a.example/3?q=a,b",
    ],
    ['<https://a.example/1>; rel="prev", <https://a.example/1>; rel="first"', undefined],
  ];
  for (const [link, next] of cases) {
    it(`of ${link} is ${next}`, () => assert.equal(nextPage(link), next));
  }
});
