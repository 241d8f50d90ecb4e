import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { parseLine, quote, wholeScript } from "../../../cli/host/script";

function sh(script: string): { code: number | null; stdout: string } {
  const { status, stdout } = spawnSync("sh", ["-s"], { input: script, encoding: "utf8" });
  return { code: status, stdout };
}

describe("a script for the server", () => {
  it("carries any text through the shell unchanged", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 }).filter((value) => !value.includes("\0"));
    const nasty = fc.string({ unit: fc.constantFrom("'", '"', "$", "`", "\\", "\n", " ", ";", "é", "-") });
    fc.assert(
      fc.property(fc.oneof(text, nasty), (value) => {
        // Lone surrogates have no UTF-8 form, with or without a shell.
        const expected = Buffer.from(value).toString("utf8");
        assert.equal(sh(`printf '%s' ${quote(value)}`).stdout, expected);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses a zero byte, which no shell word holds", () => {
    assert.throws(() => quote("a\0b"), /zero byte/);
  });

  it("runs its body, and stops at the first command that fails", () => {
    assert.deepEqual(sh(wholeScript("need one\nfalse\nneed two")), { code: 1, stdout: "need: one\n" });
    assert.deepEqual(sh(wholeScript('fail "no room"\nneed two')), { code: 3, stdout: "fail: no room\n" });
  });

  it("does nothing when it is cut off on its way", () => {
    const script = wholeScript("did one\ndid two");
    for (
      let length = script.indexOf("main()");
      length < script.length - "\nmain </dev/null\n".length;
      length++
    ) {
      assert.equal(sh(script.slice(0, length)).stdout, "");
    }
  });

  it("keeps its commands from eating the rest of it", () => {
    assert.equal(sh(wholeScript("cat\ndid one")).stdout, "did: one\n");
  });

  it("says in marked lines what it means, and everything else is output", () => {
    assert.deepEqual(parseLine("need: install nftables"), { mark: "need", text: "install nftables" });
    assert.deepEqual(parseLine("warn: a: b"), { mark: "warn", text: "a: b" });
    assert.equal(parseLine("needs: x"), undefined);
    assert.equal(parseLine("Setting up nftables"), undefined);
  });

  it("compares and writes whole files, the last line's end included", () => {
    const { stdout } = sh(
      wholeScript(`folder=$(mktemp -d)
same "$folder/a" 'x' || did missing
put "$folder/b/a" 'x
' 600
same "$folder/b/a" 'x
' && did equal
same "$folder/b/a" 'x' || did differs
did "$(stat -c %a "$folder/b/a") $(ls "$folder/b")"
rm -r "$folder"`),
    );
    assert.equal(stdout, "did: missing\ndid: equal\ndid: differs\ndid: 600 a\n");
  });
});
