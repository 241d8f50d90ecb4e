import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";

const SCRIPT = resolve(__dirname, "../../../images/shared/entrypoint.sh");

describe("entrypoint.sh", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "fitnesscrm-secrets-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(pairs: string, command: string[], environment: Record<string, string> = {}, input = "") {
    const result = spawnSync("sh", [SCRIPT, ...command], {
      input,
      env: {
        PATH: process.env.PATH,
        FITNESSCRM_SECRET_DIR: folder,
        FITNESSCRM_SECRET_ENV: pairs,
        ...environment,
      },
    });
    return { code: result.status, out: result.stdout, error: result.stderr.toString() };
  }

  /** What the command sees as VALUE when the secret's file holds `content`. */
  function exported(content: string | Buffer): Buffer {
    writeFileSync(join(folder, "value"), content);
    const { code, out, error } = run("VALUE=value", ["sh", "-c", 'printf %s "$VALUE"']);
    assert.equal(code, 0, error);
    return out;
  }

  for (const [what, value] of Object.entries({
    "quotes, dollars and backticks": "a'b\"c$HOME`id`\\n\\",
    "leading and trailing spaces": "  \t padded \t ",
    newlines: "\nfirst\n\nsecond",
    "an equals sign": "postgres://u:p=w@db/x?a=b",
    "a pattern": "*?[a-z]~",
    nothing: "",
  })) {
    it(`passes on a value with ${what} as it is`, () => {
      assert.equal(exported(value).toString(), value);
    });
  }

  it("takes exactly one newline off the end", () => {
    assert.equal(exported("value\n").toString(), "value");
    assert.equal(exported("value\n\n").toString(), "value\n");
    assert.equal(exported("value \r\n").toString(), "value \r");
  });

  it("passes on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        fc.pre(!text.includes("\0"));
        assert.equal(exported(`${text}\n`).toString(), text);
      }),
      { numRuns: 25 },
    );
  });

  it("exports several and leaves the rest of the environment and the arguments alone", () => {
    writeFileSync(join(folder, "one"), "1\n");
    writeFileSync(join(folder, "two"), "2");
    const { out } = run(
      "ONE=one\n  TWO=two ",
      ["sh", "-c", 'printf "%s|" "$ONE" "$TWO" "$OTHER" "$@"', "sh", "a b", "", "*"],
      { OTHER: "kept" },
    );
    assert.equal(out.toString(), "1|2|kept|a b||*|");
  });

  it("becomes the command, whose exit code is its own", () => {
    assert.equal(run("", ["sh", "-c", "exit 7"]).code, 7);
  });

  const refusals: [string, string, string[], string][] = [
    [
      "a missing file",
      "A=nowhere",
      ["true"],
      "the secret DIR/nowhere for A is missing: give the service the secret nowhere",
    ],
    ["a pair without a file", "A", ["true"], 'FITNESSCRM_SECRET_ENV has "A": VARIABLE=FILE is allowed'],
    [
      "a variable that no shell has",
      "A-B=one",
      ["true"],
      'FITNESSCRM_SECRET_ENV names the variable "A-B": letters, digits and _ are allowed, no digit first',
    ],
    [
      "a file outside the folder",
      "A=../passwd",
      ["true"],
      'FITNESSCRM_SECRET_ENV names the file "../passwd": a plain file name is allowed',
    ],
    ["no command", "", [], "no command was given: pass the image's own entrypoint and command as arguments"],
  ];
  it("refuses a time to drain that is none with one line", () => {
    const { code, error } = run("", ["true"], { FITNESSCRM_DRAIN_SECONDS: "5s" });
    assert.equal(code, 64);
    assert.equal(
      error,
      'entrypoint: FITNESSCRM_DRAIN_SECONDS is "5s": a whole number of seconds is allowed\n',
    );
  });

  for (const [what, pairs, command, message] of refusals) {
    it(`refuses ${what} with one line and runs nothing`, () => {
      const { code, error } = run(pairs, command);
      assert.equal(code, 64);
      assert.equal(error.replace(folder, "DIR"), `entrypoint: ${message}\n`);
    });
  }

  describe("with a time to drain", () => {
    /** Writes each signal that it gets to its output; ends with 7 at one that means to stop. */
    const COMMAND = [
      "node",
      "-e",
      `const note = (signal) => require("node:fs").appendFileSync(process.env.NOTES, signal + "\\n");
       for (const signal of ["SIGHUP", "SIGUSR2"]) process.on(signal, note);
       for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"]) process.on(signal, () => { note(signal); process.exit(7); });
       setInterval(() => {}, 1000);
       note("up");`,
    ];

    function start(seconds: number) {
      const notes = join(folder, `notes-${Math.random()}`);
      const started = spawn("sh", [SCRIPT, ...COMMAND], {
        env: { PATH: process.env.PATH, NOTES: notes, FITNESSCRM_DRAIN_SECONDS: String(seconds) },
        stdio: "ignore",
      });
      const ended = new Promise<number | null>((done) => started.on("exit", done));
      const noted = () => (existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : []);
      const until = async (count: number): Promise<string[]> => {
        for (const deadline = Date.now() + 20_000; noted().length < count; await sleep(20)) {
          assert.ok(Date.now() < deadline, `only ${noted()} came`);
        }
        return noted();
      };
      return { started, ended, noted, until };
    }

    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
      it(`passes ${signal} on only after that time, and ends as the command does`, async () => {
        const { started, ended, noted, until } = start(1);
        await until(1);
        started.kill(signal);
        const since = performance.now();
        assert.equal(await ended, 7);
        assert.ok(performance.now() - since >= 1000, "it was passed on before its time");
        assert.deepEqual(noted(), ["up", signal]);
      });
    }

    it("passes other signals on at once", async () => {
      const { started, ended, until } = start(0);
      await until(1);
      started.kill("SIGHUP");
      await until(2);
      started.kill("SIGUSR2");
      assert.deepEqual(await until(3), ["up", "SIGHUP", "SIGUSR2"]);
      started.kill("SIGTERM");
      assert.equal(await ended, 7);
    });

    it("does not wait any longer at the second signal", async () => {
      const { started, ended, until } = start(30);
      await until(1);
      started.kill("SIGTERM");
      // Again and again: of two that come at once a process sees one.
      const again = setInterval(() => started.kill("SIGTERM"), 100);
      const since = performance.now();
      assert.equal(await ended, 7);
      clearInterval(again);
      assert.ok(performance.now() - since < 30_000);
    });

    it("does not wait for a command that has ended by itself", () => {
      const { code, out } = run(
        "",
        ["sh", "-c", "read line; echo $line; exit 3"],
        { FITNESSCRM_DRAIN_SECONDS: "30" },
        "in",
      );
      assert.equal(code, 3);
      assert.equal(out.toString(), "in\n");
    });

    it("has the exit code that a shell has for a command that does not exist", () => {
      assert.equal(run("", ["no-such-command"], { FITNESSCRM_DRAIN_SECONDS: "1" }).code, 127);
    });
  });
});
