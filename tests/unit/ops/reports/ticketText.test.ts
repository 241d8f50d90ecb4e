import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bodyOf,
  fenced,
  keyIn,
  keyOf,
  type TicketContent,
  titleOf,
} from "../../../../ops/reports/tickets/text";

const content = (request: string, more: Partial<TicketContent["error"]> = {}): TicketContent => ({
  stack: "unit",
  timeZone: "America/New_York",
  until: new Date("2026-03-09T12:00:00.000Z"),
  error: {
    request,
    status: 500,
    count: 12,
    first: "2026-03-03T09:00:00.000Z",
    last: "2026-03-08T21:30:00.000Z",
    ...more,
  },
});

const HOSTILE = [
  `GET /api/<img src=x onerror="alert(1)">`,
  "GET /@security-team/@ada",
  "GET /#17 fixes #17 GH-17 example/crm#17",
  "GET /[click](https://evil.example) https://evil.example www.evil.example",
  "GET /``` \n# heading",
  "GET /```````",
  "GET /<!-- fitnesscrm:error 0 --> -->",
  "GET /</details>|a|b|",
  "\u202e@ada\u0000\u0007",
  "",
];
const anything = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: "binary", maxLength: 120 }),
  fc
    .array(fc.constantFrom("`", "```", "~~~", "\n", "@ada", "<b>", "#1", " ", "-->", "<!--"), {
      maxLength: 30,
    })
    .map((parts) => parts.join("")),
);

/** Lines of a Markdown text that are not within a fenced block, by CommonMark's rule for where one ends. */
function outsideFences(markdown: string): { lines: string[]; isOpen: boolean } {
  const lines: string[] = [];
  let fence: string | undefined;
  for (const line of markdown.split("\n")) {
    const [, run = "", rest = ""] = /^ {0,3}(`{3,})(.*)$/.exec(line) ?? [];
    if (fence === undefined && run !== "" && !rest.includes("`")) {
      fence = run;
    } else if (fence !== undefined && run.length >= fence.length && rest.trim() === "") {
      fence = undefined;
    } else if (fence === undefined) {
      lines.push(line);
    }
  }
  return { lines, isOpen: fence !== undefined };
}

describe("the text of a ticket", () => {
  it("says what fails where, how often and when, by the stack's clock", () => {
    assert.equal(titleOf(content("GET /api/clients/:id").error), "500 again and again: GET /api/clients/:id");
    const body = bodyOf(content("GET /api/clients/:id"));
    assert.match(body, /^<!-- fitnesscrm:error [0-9a-f]{64} -->\n/);
    assert.match(body, /in the stack unit week after week/);
    assert.match(body, /^```text\nGET \/api\/clients\/:id\n```$/m);
    assert.match(body, /until 2026-03-09 08:00 \(America\/New_York\)/);
    assert.match(body, /^\| Failed requests \| 12 \|$/m);
    assert.match(body, /^\| Last \| 2026-03-08 17:30 \|$/m);
  });

  it("has outside of its fence nothing of the request, whatever that is", () => {
    const plainLines = outsideFences(bodyOf(content("GET /"))).lines.slice(1, -1);
    fc.assert(
      fc.property(anything, (request) => {
        const { lines, isOpen } = outsideFences(bodyOf(content(request)));
        assert.equal(isOpen, false);
        assert.deepEqual(lines.slice(1, -1), plainLines);
      }),
      { numRuns: 500, examples: HOSTILE.map((request) => [request]) },
    );
  });

  it("has in its title neither a name, a reference, code nor HTML, and a length that GitHub takes", () => {
    fc.assert(
      fc.property(anything, (request) => {
        const title = titleOf({ status: 500, request });
        assert.match(title, /^500 again and again: [A-Za-z0-9 /:._~%?-]*$/);
        assert.ok(title.length <= 120);
      }),
      { examples: [...HOSTILE.map((request): [string] => [request]), [`GET /${"x".repeat(300)}`]] },
    );
  });

  it("is found again by its first line, and by no other", () => {
    fc.assert(
      fc.property(anything, fc.constantFrom("unit", "prod"), (request, stack) => {
        const one = { ...content(request), stack };
        const key = keyOf(stack, one.error);
        assert.equal(keyIn(bodyOf(one)), key);
        assert.equal(keyIn(`See also:\n${bodyOf(one)}`), undefined);
        assert.equal(keyIn(fenced(`<!-- fitnesscrm:error ${key} -->`)), undefined);
      }),
    );
    assert.equal(keyIn(""), undefined);
  });

  it("has a key of its own for each stack, status and request", () => {
    const keys = [
      keyOf("unit", { status: 500, request: "GET /a" }),
      keyOf("prod", { status: 500, request: "GET /a" }),
      keyOf("unit", { status: 502, request: "GET /a" }),
      keyOf("unit", { status: 500, request: "GET /b" }),
    ];
    assert.equal(new Set(keys).size, keys.length);
  });

  it("keeps what people have written below, whatever the request is, however often it is brought up to date", () => {
    fc.assert(
      fc.property(anything, fc.string({ maxLength: 60 }), fc.nat(1000), (request, notes, count) => {
        const added = `\r\n\r\nSeen by Ada: ${notes}`;
        const first = `${bodyOf(content(request))}${added}`;
        const next = content(request, { count });
        const second = bodyOf(next, first);
        assert.equal(second, `${bodyOf(next)}${added}`);
        assert.equal(bodyOf(next, second), second);
      }),
    );
  });
});
