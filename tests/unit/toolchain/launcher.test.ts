import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = resolve(__dirname, "../../..");
const COMMANDS = [
  "bash",
  "cat",
  "cmp",
  "cp",
  "dirname",
  "env",
  "ln",
  "mkdir",
  "mktemp",
  "mv",
  "readlink",
  "rm",
  "sh",
  "sleep",
  "tail",
];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A checkout in a folder with an awkward name, whose `npm` installs tsx by a link and counts its runs. */
class Checkout {
  private constructor(
    readonly top: string,
    readonly folder: string,
    readonly bin: string,
  ) {}

  static async make(options: { flock: boolean }): Promise<Checkout> {
    const top = await mkdtemp(join(tmpdir(), "launcher-"));
    const made = new Checkout(top, join(top, "a #1 100% clone"), join(top, "bin"));
    for (const folder of [join(made.folder, "cli"), made.bin]) await mkdir(folder, { recursive: true });
    await copyFile(join(ROOT, "fitnesscrm"), join(made.folder, "fitnesscrm"));
    await writeFile(join(made.folder, "package-lock.json"), "{}");
    await writeFile(join(made.folder, "tsconfig.json"), "{}");
    await writeFile(
      join(made.folder, "cli/main.ts"),
      "const args: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify({ args, cwd: process.cwd() }));\n",
    );
    for (const name of [...COMMANDS, ...(options.flock ? ["flock"] : [])]) {
      await symlink(await whichOf(name), join(made.bin, name));
    }
    await made.program("node", `exec '${process.execPath}' "$@"`);
    await made.npm("");
    return made;
  }

  async program(name: string, script: string): Promise<void> {
    await rm(join(this.bin, name), { force: true });
    await writeFile(join(this.bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Like `npm ci`, it begins by removing what is there; `middle` runs before anything is put in place. */
  npm(middle: string): Promise<void> {
    const tsx = join(ROOT, "node_modules/tsx");
    return this.program(
      "npm",
      `rm -rf node_modules; echo "$@" >> '${this.top}/npm-runs'; ${middle}\nmkdir node_modules && ln -s '${tsx}' node_modules/tsx`,
    );
  }

  async npmRuns(): Promise<string[]> {
    const text = await readFile(join(this.top, "npm-runs"), "utf8").catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  }

  run(args: string[] = [], cwd = this.folder): Promise<Ended> {
    return new Promise((done) => {
      const child = execFile(
        join(this.folder, "fitnesscrm"),
        args,
        { cwd, env: { PATH: this.bin, HOME: this.top } },
        (_error, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  }

  remove(): Promise<void> {
    return rm(this.top, { recursive: true, force: true });
  }
}

async function whichOf(name: string): Promise<string> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (await readFile(path).catch(() => undefined)) return path;
  }
  throw new Error(`this test needs ${name}`);
}

describe("launcher", () => {
  for (const flock of [true, false]) {
    describe(flock ? "with flock" : "without flock", () => {
      let checkout: Checkout;
      beforeEach(async () => {
        checkout = await Checkout.make({ flock });
      });
      afterEach(() => checkout.remove());

      it("installs the packages of a fresh clone once, and hands over every argument and the folder", async () => {
        const first = await checkout.run(["up", "--set", "a b='c'", ""], checkout.top);
        assert.deepEqual(JSON.parse(first.stdout), {
          args: ["up", "--set", "a b='c'", ""],
          cwd: checkout.top,
        });
        assert.match(first.stderr, /^… node packages: npm ci\n✓ node packages in \d+ s\n$/);
        const second = await checkout.run(["--help"]);
        assert.deepEqual([second.code, second.stderr], [0, ""]);
        assert.deepEqual(await checkout.npmRuns(), ["ci --no-audit --no-fund --ignore-scripts"]);
      });

      it("installs them again when the lock file is another one", async () => {
        await checkout.run();
        await writeFile(join(checkout.folder, "package-lock.json"), '{"other":true}');
        assert.equal((await checkout.run()).code, 0);
        assert.equal((await checkout.run()).code, 0);
        assert.equal((await checkout.npmRuns()).length, 2);
      });

      it("installs them once when two start at the same time, and both run", async () => {
        await checkout.npm("sleep 1");
        const both = await Promise.all([checkout.run(["one"]), checkout.run(["two"])]);
        assert.deepEqual(
          both.map(({ code }) => code),
          [0, 0],
        );
        assert.equal((await checkout.npmRuns()).length, 1);
        assert.equal(
          both.filter(({ stderr }) => stderr === "… node packages: another fitnesscrm is installing them\n")
            .length,
          1,
        );
      });

      it("installs them again after an installation that was killed", async () => {
        await checkout.npm("mkdir node_modules; sleep 30");
        const child = spawn(join(checkout.folder, "fitnesscrm"), [], {
          env: { PATH: checkout.bin, HOME: checkout.top },
          stdio: "ignore",
          detached: true,
        });
        const ended = once(child, "exit");
        for (const deadline = Date.now() + 10_000; (await checkout.npmRuns()).length === 0; await sleep(20)) {
          assert.ok(Date.now() < deadline, "npm was not started");
        }
        // The whole group: what a machine that goes down leaves.
        process.kill(-(child.pid ?? Number.NaN), "SIGKILL");
        await ended;
        await checkout.npm("");
        assert.equal((await checkout.run()).code, 0);
        assert.equal((await checkout.npmRuns()).length, 2);
      });

      it("says what npm said when it fails, and starts nothing", async () => {
        await checkout.npm("echo 'npm error code ENOTFOUND'; exit 1");
        const { code, stdout, stderr } = await checkout.run();
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(
          stderr,
          /^… node packages: npm ci\nnpm error code ENOTFOUND\nfitnesscrm: `npm ci` failed after \d+ s \(its last lines stand above\): let this machine reach its npm registry and try again\n$/,
        );
        await checkout.npm("");
        assert.equal((await checkout.run()).code, 0);
      });
    });
  }

  it("says which node it found when that is too old, and what to install", async () => {
    const checkout = await Checkout.make({ flock: true });
    try {
      await checkout.program("node", "echo v18.19.0");
      assert.deepEqual(await checkout.run(), {
        code: 1,
        stdout: "",
        stderr: `fitnesscrm: node is v18.19.0 at ${join(checkout.bin, "node")}: install Node.js 20 or newer and put it first on PATH\n`,
      });
      await rm(join(checkout.bin, "node"));
      assert.deepEqual(await checkout.run(), {
        code: 1,
        stdout: "",
        stderr: "fitnesscrm: node is missing: install Node.js 20 or newer and put it on PATH\n",
      });
      assert.deepEqual(await checkout.npmRuns(), []);
    } finally {
      await checkout.remove();
    }
  });

  it("finds its folder through a link", async () => {
    const checkout = await Checkout.make({ flock: true });
    try {
      const link = join(checkout.top, "link");
      await symlink(join(checkout.folder, "fitnesscrm"), link);
      const { stdout } = await new Promise<{ stdout: string }>((done) => {
        execFile(link, ["x"], { cwd: dirname(link), env: { PATH: checkout.bin } }, (_error, text) =>
          done({ stdout: text }),
        );
      });
      assert.deepEqual(JSON.parse(stdout), { args: ["x"], cwd: checkout.top });
    } finally {
      await checkout.remove();
    }
  });
});
