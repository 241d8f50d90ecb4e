import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { COMMENT_LIMIT, type CommentInput, markerOf, renderComment } from "../../../../cli/preview/comment";
import type { Change, Preview } from "../../../../cli/preview/events";
import { judge } from "../../../../cli/preview/judge";
import { recorded } from "./support/recorded";

const GOLDEN = join(__dirname, "golden");
/** A Wednesday, ten days before the window. */
const WORKDAY = new Date("2026-11-25T23:00:00Z");

function render(preview: Preview, more: Partial<CommentInput> = {}): string {
  const judgement = judge(preview, { at: WORKDAY, zone: "America/New_York", mode: "window" });
  return renderComment({ stack: "pr", preview, judgement, commit: "4140cbd1f00d".padEnd(40, "0"), ...more });
}

const change = (name: string, more: Partial<Change> = {}): Change => ({
  urn: `urn:pulumi:pr::fitnesscrm::docker:index/service:Service::${name}`,
  name,
  type: "docker:index/service:Service",
  action: "update",
  properties: ["taskSpec.containerSpec.image"],
  isProtected: false,
  hasDrifted: false,
  ...more,
});

const previewOf = (changes: Change[], more: Partial<Preview> = {}): Preview => ({
  changes,
  unchanged: 3,
  violations: [],
  problems: [],
  succeeded: true,
  ...more,
});

describe("the comment on a pull request", () => {
  const names = readdirSync(join(__dirname, "recorded")).map((file) => basename(file, ".jsonl"));

  for (const name of names) {
    it(`of a recorded preview (${name}) is word for word the golden one`, () => {
      const file = join(GOLDEN, `${name}.md`);
      const comment = render(recorded(name));
      if (process.env.UPDATE_GOLDEN !== undefined) {
        writeFileSync(file, comment);
      }
      assert.equal(comment, readFileSync(file, "utf8"));
    });
  }

  it("begins with the marker by which it is found again", () => {
    assert.ok(render(previewOf([])).startsWith(`${markerOf("pr")}\n`));
  });

  it("has what is at risk before what stops, violations, errors and the table", () => {
    const comment = render(
      previewOf(
        [change("db"), change("postgres", { type: "docker:index/volume:Volume", action: "delete" })],
        {
          violations: [{ policy: "some-policy", message: "is wrong", mandatory: true }],
          problems: [{ severity: "error", message: "no connection" }],
          succeeded: false,
        },
      ),
    );
    const order = [
      "what has state",
      "Stops and starts anew",
      "### Policy violations",
      "### Errors",
      "All changes",
    ];
    const places = order.map((part) => comment.indexOf(part));
    assert.ok(!places.includes(-1), comment);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
  });

  it("names the images by their digests, where both are known", () => {
    const image = {
      from: `registry.example.com/backend@sha256:${"a".repeat(64)}`,
      to: `sha256:${"b".repeat(64)}`,
    };
    assert.match(
      render(previewOf([change("backend", { image })])),
      /\| image `aaaaaaaaaaaa` to `bbbbbbbbbbbb`; /,
    );
  });

  it("says why a preview is not whole", () => {
    const comment = render(previewOf([], { succeeded: false, unchanged: 0 }), {
      failure: "pulumi said nothing for 30 s",
    });
    assert.match(comment, /^## Preview of `pr`: failed$/m);
    assert.match(comment, /^> pulumi said nothing for 30 s$/m);
  });

  it("says that a rollback holds the stack", () => {
    assert.match(
      render(previewOf([]), { pinnedVersion: 12 }),
      /holds `pr` to release 12: .*unpin --stack pr`/,
    );
  });

  it("tells an advisory violation from one that refuses", () => {
    const comment = render(
      previewOf([], { violations: [{ policy: "some-policy", message: "is odd", mandatory: false }] }),
    );
    assert.match(comment, /\*\*some-policy\*\* \(advisory\) on the stack: is odd/);
    assert.match(comment, /^## Preview of `pr`: no changes$/m);
  });

  it("mentions nobody, and takes no markup from a message", () => {
    const message =
      "see @octocat <img src=x> [a](http://b) <!-- fitnesscrm-preview other --> `code`\n# title";
    const comment = render(previewOf([], { succeeded: false, problems: [{ severity: "error", message }] }));
    assert.doesNotMatch(comment, /@octocat|(?<!\\)<img|(?<!\\)\[a|\n# title/);
    assert.equal(comment.match(/(?<!\\)<!--/g)?.length, 1);
  });

  it("keeps to GitHub's limit with a note of what it left out, and is whole below it", () => {
    const many = Array.from({ length: 3000 }, (_, index) => change(`service-${index}`));
    const comment = render(previewOf(many));
    assert.ok(comment.length <= COMMENT_LIMIT, String(comment.length));
    const rows = comment.match(/^\| update /gm)?.length ?? 0;
    const more = Number(/… and (\d+) more/.exec(comment)?.[1]);
    assert.equal(rows + more, 3000);
    assert.ok(rows > 100, String(rows));
    assert.match(comment, /Commit `4140cbd1f00d`/);
  });

  it("keeps to the limit whatever it is made of", () => {
    const words = fc.string({ maxLength: 400 });
    const someChange = fc
      .record({ name: words, properties: fc.array(words, { maxLength: 8 }) })
      .map(({ name, properties }) => change(name, { properties }));
    fc.assert(
      fc.property(
        fc.array(someChange, { maxLength: 20 }),
        fc.array(words, { maxLength: 20 }),
        fc.integer({ min: 300, max: 4000 }),
        (changes, messages, limit) => {
          const violations = messages.map((message) => ({ policy: "p", message, mandatory: true }));
          const comment = render(previewOf(changes, { violations }), { limit });
          assert.ok(comment.length <= limit, `${comment.length} > ${limit}`);
          assert.ok(comment.startsWith(markerOf("pr")));
        },
      ),
    );
  });
});
