import assert from "node:assert/strict";
import { join } from "node:path";
import { type RunResult, run } from "../../../cli/exec";
import { comment } from "../../../scripts/ci/comment";
import { driftIssue } from "../../../scripts/ci/drift-issue";
import { TempFolders } from "../../support/temp";
import { bot, FakeGitHub, person } from "./support/github";

const PROJECT = join(__dirname, "..", "..", "..");
const MARKER = "<!-- fitnesscrm-preview prod -->";
const COMMENT = `${MARKER}\n\n## Preview of \`prod\`: 1 change\n`;
const TOKEN = "token-of-this-test";

const github = new FakeGitHub();
const folders = new TempFolders();

const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  GITHUB_API_URL: github.url,
  GITHUB_REPOSITORY: "owner/name",
  GITHUB_TOKEN: TOKEN,
  PULL_REQUEST: "12",
  ...more,
});

/** Runs a script as a workflow does. */
function script(name: string, ...args: readonly string[]): Promise<RunResult> {
  return run(process.execPath, ["--import", "tsx", join(PROJECT, "scripts", "ci", name), ...args], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment() },
    timeoutSeconds: 60,
  });
}

const fileWith = (text: string): string => join(folders.create({ "comment.md": text }), "comment.md");

describe("what the workflows write on GitHub", function () {
  this.timeout(120_000);
  before(() => github.start());
  beforeEach(() => {
    github.calls.length = 0;
    github.lists.clear();
    github.status = 200;
  });
  after(async () => {
    await github.stop();
    folders.remove();
  });

  describe("the comment of a preview", () => {
    const comments = "/issues/12/comments";

    it("is a new one on the first run, with the token in its header only", async () => {
      github.lists.set(comments, []);
      const { code, stdout, stderr } = await script("comment.ts", "prod", fileWith(COMMENT));
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "commented on pull request 12\n");
      assert.deepEqual(github.writes, [{ method: "POST", path: comments, body: { body: COMMENT } }]);
      assert.ok(github.calls.every(({ authorization }) => authorization === `Bearer ${TOKEN}`));
    });

    it("takes the place of the one before, on whichever page that is", async () => {
      github.lists.set(comments, [
        { id: 1, body: "Looks good", user: person },
        { id: 2, body: `${MARKER}\nquoted by a person`, user: person },
        { id: 3, body: `quoted: ${MARKER}`, user: bot },
        { id: 4, body: "<!-- fitnesscrm-preview staging -->\nof another stack", user: bot },
        { id: 5, body: `${MARKER}\nold`, user: bot },
      ]);
      await comment(environment(), "prod", fileWith(COMMENT));
      assert.deepEqual(github.writes, [
        { method: "PATCH", path: "/issues/comments/5", body: { body: COMMENT } },
      ]);
    });

    it("says that the preview failed where it left none, so that the old one does not stay", async () => {
      github.lists.set(comments, [{ id: 5, body: `${MARKER}\nold`, user: bot }]);
      await comment(environment(), "prod", "/no/such/file");
      assert.match(JSON.stringify(github.writes), /PATCH.*Preview of `prod`: failed/);
    });

    it("is refused when it is another stack's or none", async () => {
      for (const text of [COMMENT.replace("prod", "staging"), "hello\n"]) {
        await assert.rejects(
          comment(environment(), "prod", fileWith(text)),
          /is not the preview of stack prod|not with its marker/,
        );
      }
      assert.deepEqual(github.calls, []);
    });

    it("fails with GitHub's reason in one line, and without the token", async () => {
      github.lists.set(comments, []);
      github.status = 403;
      const { code, stderr } = await script("comment.ts", "prod", fileWith(COMMENT));
      assert.equal(code, 1);
      assert.match(stderr, /^POST \S+ answered 403: Resource not accessible\n$/);
      assert.doesNotMatch(stderr, new RegExp(TOKEN));
    });

    it("names what the workflow did not hand over", async () => {
      for (const name of ["GITHUB_TOKEN", "GITHUB_REPOSITORY", "PULL_REQUEST"]) {
        await assert.rejects(
          comment(environment({ [name]: "" }), "prod", fileWith(COMMENT)),
          new RegExp(`^Error: ${name} is not set`),
        );
      }
    });
  });

  describe("the issue about drift", () => {
    const issues = "/issues";
    const open = { id: 900, number: 7, body: "<!-- fitnesscrm-drift prod -->\n\nof last night", user: bot };
    const written = (): string[] => github.writes.map(({ method, path }) => `${method} ${path}`);

    it("is opened on the first night, with what differs", async () => {
      github.lists.set(issues, [
        { id: 1, number: 1, body: "<!-- fitnesscrm-drift staging -->", user: bot },
        { id: 2, number: 2, body: "<!-- fitnesscrm-drift prod -->", user: bot, pull_request: {} },
      ]);
      const { code, stderr } = await script("drift-issue.ts", "prod", "1", fileWith(COMMENT));
      assert.equal(code, 0, stderr);
      assert.deepEqual(written(), ["POST /issues"]);
      const { title, body } = (github.writes[0]?.body ?? {}) as { title?: string; body?: string };
      assert.equal(title, "Drift of stack prod");
      assert.match(body ?? "", /^<!-- fitnesscrm-drift prod -->\n/);
      assert.match(body ?? "", /\n## Preview of `prod`: 1 change\n$/);
      assert.doesNotMatch(body ?? "", /fitnesscrm-preview/);
    });

    it("is updated while there is drift, never doubled", async () => {
      github.lists.set(issues, [open]);
      await driftIssue(environment(), "prod", "1", fileWith(COMMENT));
      assert.deepEqual(written(), ["PATCH /issues/7"]);
    });

    it("is closed when the drift is gone", async () => {
      github.lists.set(issues, [open]);
      assert.equal(
        await driftIssue(environment(), "prod", "0", fileWith(COMMENT)),
        "stack prod is as declared again: closed issue 7",
      );
      assert.deepEqual(written(), ["POST /issues/7/comments", "PATCH /issues/7"]);
      assert.deepEqual(github.writes[1]?.body, { state: "closed", state_reason: "completed" });
    });

    it("is not there while nothing differs", async () => {
      github.lists.set(issues, []);
      await driftIssue(environment(), "prod", "0", fileWith(COMMENT));
      assert.deepEqual(written(), []);
    });
  });
});
