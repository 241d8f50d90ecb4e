import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type RunResult, run } from "../../../cli/exec";
import { TempFolders, writeScript } from "../../support/temp";

const SCRIPTS = join(__dirname, "..", "..", "..", "scripts", "ci");

/** A checkout whose launcher only records how it was called, one line a call. */
class Checkout {
  readonly folder: string;

  constructor(folders: TempFolders, launcher: string) {
    this.folder = folders.create();
    cpSync(SCRIPTS, join(this.folder, "scripts", "ci"), { recursive: true });
    const record = `printf '%s|' "$@" >>calls; echo >>calls`;
    writeScript(this.folder, "fitnesscrm", `#!/bin/sh\n${record}\n${launcher}\n`);
  }

  get calls(): string[] {
    const path = join(this.folder, "calls");
    return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  run(script: string, args: string[], environment: Record<string, string> = {}): Promise<RunResult> {
    return run(join(this.folder, "scripts", "ci", script), args, {
      cwd: "/",
      env: { PATH: process.env.PATH, HOME: this.folder, ...environment },
      timeoutSeconds: 30,
    });
  }
}

describe("the steps of the workflows", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  const WRITES = 'echo "a preview" >comment.md';

  it("a preview writes its comment, shows it in the job's summary, and ends as the launcher does", async () => {
    for (const code of [0, 1]) {
      const checkout = new Checkout(folders, `${WRITES}; exit ${code}`);
      const result = await checkout.run("preview", ["prod", "comment.md"], {
        GITHUB_STEP_SUMMARY: join(checkout.folder, "summary"),
      });
      assert.equal(result.code, code, result.stderr);
      assert.deepEqual(checkout.calls, ["preview|--stack|prod|--comment|comment.md|"]);
      assert.equal(checkout.read("summary"), "a preview\n");
    }
  });

  it("a preview that never began leaves a comment that says so, not the one of an earlier run", async () => {
    const checkout = new Checkout(folders, "exit 3");
    writeScript(checkout.folder, "comment.md", "an earlier one");
    assert.equal((await checkout.run("preview", ["prod", "comment.md"])).code, 3);
    assert.match(
      checkout.read("comment.md"),
      /^<!-- fitnesscrm-preview prod -->\n\n## Preview of `prod`: failed\n/,
    );
  });

  it("drift is a preview against what exists, and never an update", async () => {
    const checkout = new Checkout(folders, `${WRITES}; exit 1`);
    assert.equal((await checkout.run("drift", ["prod", "comment.md"])).code, 1);
    assert.deepEqual(checkout.calls, [
      "preview|--stack|prod|--comment|comment.md|--refresh|--expect-no-changes|",
    ]);
  });

  it("a deployment is judged first", async () => {
    const checkout = new Checkout(folders, "true");
    const { code, stderr } = await checkout.run("deploy", ["prod", ""]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      checkout.calls.map((call) => call.replace(/--comment\|[^|]+/, "--comment|FILE")),
      ["preview|--stack|prod|--comment|FILE|--refuse-risky|", "up|--stack|prod|--yes|"],
    );
  });

  it("a deployment that is refused does not begin", async () => {
    const checkout = new Checkout(folders, "exit 1");
    assert.equal((await checkout.run("deploy", ["prod"])).code, 1);
    assert.equal(checkout.calls.length, 1);
  });

  it("a reason is handed to both, as one word whatever it holds", async () => {
    const checkout = new Checkout(folders, "true");
    await checkout.run("deploy", ["prod", "$(id) is; down"]);
    assert.match(checkout.calls[0] ?? "", /\|--refuse-risky\|--despite\|\$\(id\) is; down\|$/);
    assert.equal(checkout.calls[1], "up|--stack|prod|--yes|--despite|$(id) is; down|");
  });

  it("each names what it was called without", async () => {
    const checkout = new Checkout(folders, "true");
    for (const [script, ...args] of [["preview"], ["preview", "prod"], ["drift"], ["deploy"]] as const) {
      const { code, stderr } = await checkout.run(script, [...args]);
      assert.notEqual(code, 0, script);
      assert.match(stderr, new RegExp(`usage: scripts/ci/${script} `));
    }
    assert.deepEqual(checkout.calls, []);
  });

  describe("the way to the Docker host", () => {
    const keys = {
      SSH_KEY: "-----BEGIN KEY-----\nabc\n-----END KEY-----",
      SSH_KNOWN_HOSTS: "db.example ssh-ed25519 AAAA",
    };

    it("is a key that nobody else reads, and only the known host keys", async () => {
      const checkout = new Checkout(folders, "true");
      for (const time of ["first", "second"]) {
        const { code, stdout, stderr } = await checkout.run("ssh", [], keys);
        assert.equal(code, 0, `${time}: ${stderr}`);
        assert.equal(stdout + stderr, "");
      }
      assert.equal(checkout.read(".ssh/fitnesscrm"), `${keys.SSH_KEY}\n`);
      assert.equal(statSync(join(checkout.folder, ".ssh/fitnesscrm")).mode & 0o777, 0o600);
      assert.match(checkout.read(".ssh/config"), /StrictHostKeyChecking yes/);
    });

    it("leaves somebody's own configuration alone", async () => {
      const checkout = new Checkout(folders, "true");
      writeScript(checkout.folder, ".ssh/config", "Host mine\n");
      const { code, stderr } = await checkout.run("ssh", [], keys);
      assert.equal(code, 1);
      assert.match(stderr, /belongs to somebody/);
      assert.equal(checkout.read(".ssh/config"), "Host mine\n");
    });

    it("names the secret that is missing", async () => {
      const checkout = new Checkout(folders, "true");
      assert.match((await checkout.run("ssh", [], { SSH_KEY: "x" })).stderr, /SSH_KNOWN_HOSTS is not set/);
    });
  });
});
