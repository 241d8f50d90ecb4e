import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";

const SCRIPT = resolve(__dirname, "../../../images/shared/entrypoint.sh");

describe("entrypoint.sh", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "fitnesscrm-secrets-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(pairs: string, command: string[], environment: Record<string, string> = {}) {
    const result = spawnSync("sh", [SCRIPT, ...command], {
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
  for (const [what, pairs, command, message] of refusals) {
    it(`refuses ${what} with one line and runs nothing`, () => {
      const { code, error } = run(pairs, command);
      assert.equal(code, 64);
      assert.equal(error.replace(folder, "DIR"), `entrypoint: ${message}\n`);
    });
  }
});
