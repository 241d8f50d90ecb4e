import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type LauncherResult, launch, PORTS, PROJECT, STACK } from "./support/launcher";
import { ensureStack, upStack } from "./support/stack";
import { waitFor } from "./support/wait";

const GOLDEN = join(__dirname, "golden", "preview-comment.md");

describe("the comment on a pull request, from a real preview", function () {
  this.timeout(900_000);
  let folder: string;
  let proxy: ChildProcess;
  let socket: string;

  before(async () => {
    await ensureStack();
    // Whatever an earlier file of the suite left unfinished would be a change here.
    const { code, stderr } = await upStack();
    assert.equal(code, 0, stderr);
    folder = mkdtempSync(join(tmpdir(), "fitnesscrm-pull-request-"));
    socket = join(folder, "docker.sock");
    proxy = spawn(join(PROJECT, "scripts", "ci", "docker-get-only"), ["--listen", socket], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await waitFor("the proxy to listen", async () => existsSync(socket));
  });
  after(() => {
    proxy?.kill();
    if (folder !== undefined) {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  /** A pull request's checkout: this one, with one edit a file. */
  function branch(name: string, edits: Record<string, (text: string) => string>): string {
    const checkout = join(folder, name);
    const left = ["node_modules", ".git", ".fitnesscrm"];
    cpSync(PROJECT, checkout, {
      recursive: true,
      filter: (path) => !left.includes(relative(PROJECT, path)),
    });
    symlinkSync(join(PROJECT, "node_modules"), join(checkout, "node_modules"));
    for (const [file, edit] of Object.entries(edits)) {
      const path = join(checkout, file);
      const before = readFileSync(path, "utf8");
      const after = edit(before);
      assert.notEqual(after, before, `nothing of ${file} was changed`);
      writeFileSync(path, after);
    }
    return checkout;
  }

  /** Previews as the workflow does. */
  async function preview(
    checkout: string,
    options: { args?: string[]; env?: Record<string, string> } = {},
  ): Promise<{ result: LauncherResult; comment: string }> {
    const file = join(folder, "comment.md");
    rmSync(file, { force: true });
    const result = await launch(["preview", "--stack", STACK, "--comment", file, ...(options.args ?? [])], {
      checkout,
      env: { FITNESSCRM_PREVIEW_COMMIT: "c0ffee".padEnd(40, "0"), ...options.env },
    });
    assert.ok(existsSync(file), `${result.stdout}\n${result.stderr}`);
    return { result, comment: readFileSync(file, "utf8") };
  }

  it("says that nothing changes where nothing does", async () => {
    const { result, comment } = await preview(PROJECT, { args: ["--expect-no-changes", "--refuse-risky"] });
    assert.equal(result.code, 0, result.stderr);
    const title = `## Preview of \`${STACK}\`: no changes`;
    assert.ok(comment.startsWith(`<!-- fitnesscrm-preview ${STACK} -->\n\n${title}\n`), comment);
  });

  it("needs nothing of the engine but what docker-get-only lets through", async () => {
    // The tunnel of a preview is for one way to the engine; that of the one before must have ended.
    await waitFor("the tunnel's port to be free", () => isFree(PORTS.tunnel));
    const { result, comment } = await preview(PROJECT, { env: { DOCKER_HOST: `unix://${socket}` } });
    assert.equal(result.code, 0, result.stderr);
    // The address itself is the one thing that differs.
    assert.match(comment, /: 1 change\n/);
    assert.match(comment, /^\| update \| `docker` \| docker provider \| `host` \|$/m);
  });

  it("has what stops, what the policies refuse and what changes, word for word the golden one", async () => {
    const checkout = branch("risky", {
      // Looser than the manual (M43).
      "index.ts": (text) => text.replace("config.backup.retentionDaysS3", "30"),
      // The cache stops for it.
      "components/stack/stateful.ts": (text) =>
        text.replace("config.redis.maxMemoryMiB", "config.redis.maxMemoryMiB + 1"),
    });
    const { result, comment } = await preview(checkout);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^fitnesscrm: preview: refused by backup-retention$/m);
    const text = comment
      .replace(new RegExp(`\\b${STACK}\\b`, "g"), "STACK")
      .replace(/\b\d+ unchanged/, "N unchanged");
    if (process.env.UPDATE_GOLDEN !== undefined) {
      writeFileSync(GOLDEN, text);
    }
    assert.equal(text, readFileSync(GOLDEN, "utf8"));
  });

  it("has a volume that would be replaced on top, and ends", async () => {
    const checkout = branch("volume", {
      "components/stack/foundation.ts": (text) =>
        text.replace("name: `fitnesscrm-${stack}-${volume}`", "name: `fitnesscrm-${stack}-${volume}-2`"),
    });
    const { result, comment } = await preview(checkout);
    assert.equal(result.code, 1);
    const [, , title = "", , box = "", heading = ""] = comment.split("\n");
    assert.match(title, /: 9 stateful resources at risk, failed, /);
    assert.deepEqual([box, heading], ["> [!CAUTION]", "> **Replaces or deletes what has state**"]);
    assert.match(
      comment,
      /^> - replace `postgres` \(docker Volume\), for `name`: its data is lost\. It is protected/m,
    );
  });

  it("holds none of the stack's secrets", async () => {
    const checkout = branch("secret", {
      "components/stack/service.ts": (text) => text.replace('"max-file": "5"', '"max-file": "4"'),
    });
    const { comment } = await preview(checkout);
    assert.match(comment, /`db`/);
    for (const name of [
      "postgresPassword",
      "appPassword",
      "redisPassword",
      "secretKey",
      "adminPassword",
      "operatorsPassword",
    ]) {
      const { code, stdout } = await launch(["secrets", "show", name, "--stack", STACK]);
      assert.equal(code, 0);
      assert.ok(!comment.includes(stdout.trim()), name);
    }
  });
});

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      answer(false);
    });
    socket.once("error", () => answer(true));
  });
}
