import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { passwordLine, publicUrl } from "../../../../ops/backup/dump";
import { complaint, start, together } from "../../../../ops/backup/process";
import { isPassing } from "../../../../ops/backup/s3Errors";
import { difference } from "../../../../ops/backup/verify";

const run = promisify(execFile);

async function gone(pid: number): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    const { stdout } = await run("ps", ["-o", "stat=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
    if (stdout.trim() === "" || stdout.startsWith("Z")) return;
    assert.ok(Date.now() < end, `process ${pid} still runs: ${stdout}`);
    await delay(50);
  }
}

describe("a program of the backup", () => {
  it("fails with its name, its code and what it complained about first", async () => {
    const child = start("sh", [
      "-c",
      "echo 'x: error: no space' >&2; echo 'x: error: worker died' >&2; exit 3",
    ]);
    await assert.rejects(child.done, { message: "sh failed with code 3: x: error: no space" });
  });

  it("fails when somebody kills it", async () => {
    const child = start("sleep", ["60"]);
    child.process.kill("SIGKILL");
    await assert.rejects(child.done, { message: "sleep was killed (SIGKILL)" });
  });

  it("is ended by the signal, whose reason is the error", async () => {
    const controller = new AbortController();
    const child = start("sleep", ["60"], { signal: controller.signal });
    controller.abort(new Error("the time limit of 120 minutes"));
    await assert.rejects(child.done, /the time limit of 120 minutes/);
    await gone(child.process.pid ?? 0);
  });

  it("dies with this process even when that is killed", async () => {
    const module = join(__dirname, "../../../../ops/backup/process.ts");
    const script = `const c = require(${JSON.stringify(module)}).start("sleep", ["60"]); c.process.once("spawn", () => setTimeout(() => console.log(c.process.pid), 200)); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--import", "tsx", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [text] = (await once(parent.stdout, "data")) as [Buffer];
    parent.kill("SIGKILL");
    await gone(Number(text));
  });

  it("has its first complaint with its detail told, and the last line when nothing says error", () => {
    assert.equal(
      complaint(
        "pg_dump: error: query failed\npg_dump: detail: Query was: LOCK\npg_dump: error: worker died",
      ),
      "pg_dump: error: query failed pg_dump: detail: Query was: LOCK",
    );
    assert.equal(
      complaint("tar: -: Cannot write: Broken pipe\ntar: Error is not recoverable: exiting now\n"),
      "tar: -: Cannot write: Broken pipe",
    );
    assert.equal(complaint("warming up\nno such thing\n\n"), "no such thing");
    assert.equal(complaint(""), "");
  });
});

describe("works that need each other", () => {
  it("end with the reason of the first that failed, after all have ended", async () => {
    const controller = new AbortController();
    let ended = false;
    const slow = new Promise<void>((_resolve, reject) => {
      controller.signal.addEventListener("abort", () =>
        setTimeout(() => {
          ended = true;
          reject(new Error("a consequence"));
        }, 50),
      );
    });
    await assert.rejects(together(controller, [slow, Promise.reject(new Error("the cause"))]), /the cause/);
    assert.ok(ended);
  });

  it("end with why a pipe broke, not with that it broke, whoever notices first", async () => {
    const cause = delay(30).then(() => {
      throw new Error("ENOSPC: no space left on device, write");
    });
    await assert.rejects(
      together(new AbortController(), [
        cause,
        Promise.reject(new Error("tar failed with code 2: Broken pipe")),
      ]),
      /ENOSPC/,
    );
    await assert.rejects(
      together(new AbortController(), [Promise.reject(new Error("write EPIPE"))]),
      /EPIPE/,
    );
  });

  it("give their results in order", async () => {
    assert.deepEqual(await together(new AbortController(), [delay(20, 1), Promise.resolve("2")]), [1, "2"]);
  });
});

describe("the password of the database", () => {
  const url = new URL("postgresql://app_backup:p%3Aw%5C%40rd@db:5432/fitnesscrm?sslmode=require");

  it("stands in a password file with what is special escaped", () => {
    assert.equal(passwordLine(url), "db:5432:*:app_backup:p\\:w\\\\@rd\n");
    assert.equal(passwordLine(new URL("postgresql://u:x@db/f")), "db:5432:*:u:x\n");
  });

  it("stands in no command line", () => {
    assert.equal(publicUrl(url), "postgresql://app_backup@db:5432/fitnesscrm?sslmode=require");
  });
});

describe("an error of S3", () => {
  const answered = (httpStatusCode: number) =>
    Object.assign(new Error("x"), { $metadata: { httpStatusCode } });
  const coded = (code: string, more = {}) => Object.assign(new Error(code), { code, ...more });

  it("is worth another try when S3 or the way there is broken", () => {
    for (const error of [
      answered(500),
      answered(503),
      answered(429),
      coded("ECONNREFUSED"),
      coded("ECONNRESET"),
      coded("EAI_AGAIN"),
      new AggregateError([coded("ECONNREFUSED"), coded("ETIMEDOUT")]),
      new Error("socket hang up"),
    ]) {
      assert.ok(isPassing(error), String(error));
    }
  });

  it("is not when the answer will stay the same", () => {
    for (const error of [
      answered(403),
      answered(404),
      answered(400),
      coded("ENOENT", { path: "/backups/x" }),
      new Error("the secret is missing"),
      "text",
    ]) {
      assert.equal(isPassing(error), false, String(error));
    }
  });
});

describe("a copy that was read back", () => {
  const expected = { bytes: 10, sha256: "aa" };
  it("is right when bytes and sum are, and else says which", () => {
    assert.equal(difference("f", expected, { bytes: 10, sha256: "aa" }), undefined);
    assert.match(difference("f", expected, { bytes: 9, sha256: "bb" }) ?? "", /9 bytes, 10 are expected/);
    assert.match(difference("f", expected, { bytes: 10, sha256: "bb" }) ?? "", /SHA-256 bb, aa is expected/);
  });
});
