import assert from "node:assert/strict";
import { UserError } from "../../../../cli/errors";
import { type PreviewEnd, runPreview } from "../../../../cli/preview/run";

const LIMITS = { silentAfterError: 0.3, silent: 20 };

function runScript(
  script: string,
  limits = LIMITS,
): { end: Promise<PreviewEnd>; lines: string[]; errorLines: string[] } {
  const lines: string[] = [];
  const errorLines: string[] = [];
  const end = runPreview({
    program: "sh",
    args: ["-c", script],
    environment: process.env,
    onLine: (line) => lines.push(line),
    onErrorLine: (line) => errorLines.push(line),
    errorIn: (line) => /error: (.+)/.exec(line)?.[1],
    isIdle: (line) => line.startsWith("@"),
    limits,
  });
  return { end, lines, errorLines };
}

describe("running a preview", () => {
  it("hands on every line of both outputs, and the exit code", async () => {
    const { end, lines, errorLines } = runScript("echo a; echo b >&2; echo c; exit 7");
    assert.deepEqual(await end, { code: 7 });
    assert.deepEqual([lines, errorLines], [["a", "c"], ["b"]]);
  });

  it("ends one that is silent after an error, with that error as the reason", async () => {
    const { end } = runScript("echo 'error: volume is protected'; echo 'error: another'; exec sleep 60");
    assert.match(
      (await end).hung ?? "",
      /^pulumi said nothing for 0\.3 s after an error.*: volume is protected$/,
    );
  });

  it("does not take a sign of life for progress", async () => {
    const { end } = runScript("echo 'error: x'; while :; do echo '@ previewing update'; sleep 0.05; done");
    assert.match((await end).hung ?? "", /: x$/);
  });

  it("waits longer where no error was met", async () => {
    const { end } = runScript("echo begun; sleep 1; echo done");
    assert.deepEqual(await end, { code: 0 });
  });

  it("ends one that never says anything", async () => {
    const { end } = runScript("exec sleep 60", { silentAfterError: 5, silent: 0.3 });
    assert.equal((await end).hung, "pulumi said nothing for 0.3 s and was ended");
  });

  it("says that pulumi is missing", async () => {
    await assert.rejects(
      runPreview({
        program: "no-such-pulumi",
        args: [],
        environment: process.env,
        onLine: () => {},
        onErrorLine: () => {},
        errorIn: () => undefined,
      }),
      (error: unknown) => error instanceof UserError && /pulumi is not installed/.test(error.message),
    );
  });
});
