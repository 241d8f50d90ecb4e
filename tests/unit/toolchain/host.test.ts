import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checksumOf, fetchFile, fetchText } from "../../../toolchain/download";
import { CommandFailed, run, runAsRoot, thisHost } from "../../../toolchain/host";
import { scratch } from "./fakes";

async function serve(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("commands", () => {
  const host = thisHost({ PATH: process.env.PATH });

  it("are run to their end, with their lines handed on as they come", async () => {
    const lines: string[] = [];
    const finished = await host.exec(["sh", "-c", "echo one; echo two >&2; printf 'a\\rb'; exit 3"], {
      onLine: (line) => lines.push(line),
    });
    assert.equal(finished.code, 3);
    assert.equal(finished.stdout, "one\na\rb");
    assert.deepEqual(lines.sort(), ["a", "one", "two"]);
  });

  it("that fail say which, how and why on one line", async () => {
    const failing = [
      "sh",
      "-c",
      "echo preparing; echo 'E: no space left' >&2; echo 'see the log' >&2; exit 100",
    ];
    await assert.rejects(run(host, failing), (error) => {
      assert.ok(error instanceof CommandFailed);
      assert.equal(error.message.split(" ended with ")[1], "100: E: no space left");
      return true;
    });
    await assert.rejects(run(host, ["/nowhere/program"]), {
      message: /^`\/nowhere\/program` could not be started: spawn/,
    });
    await assert.rejects(run(host, ["sleep", "30"], { timeout: 50 }), {
      message: "`sleep 30` ran out of time",
    });
  });

  it("are looked for on PATH and in the system's own folders", async () => {
    assert.equal(await thisHost({ PATH: "/nowhere" }).which("no-such-program"), undefined);
    assert.match((await host.which("sh")) ?? "", /\/sh$/);
  });

  it("run by sudo keep the variables that they need", async () => {
    const { host: fake, remove } = await scratch();
    try {
      fake.rights = "sudo";
      fake.on("sudo", "");
      await runAsRoot(fake, ["apt-get", "update"], { env: { A: "1" } });
      assert.deepEqual(fake.calls, ["sudo -n env A=1 apt-get update"]);
      fake.rights = "none";
      await assert.rejects(runAsRoot(fake, ["apt-get", "update"]), /^Error: needs root: /);
    } finally {
      await remove();
    }
  });
});

describe("probes", () => {
  it("take any status for an answer, and ask each host once", async () => {
    let asked = 0;
    const server = await serve((_request, response) => {
      asked++;
      response.writeHead(401).end();
    });
    try {
      const host = thisHost();
      assert.equal(await host.silent(server.url), undefined);
      assert.equal(await host.silent(`${server.url}another/path`), undefined);
      assert.equal(asked, 1);
    } finally {
      await server.close();
    }
  });

  it("give up after 3 s on a server that accepts and says nothing", async () => {
    const server = await serve(() => {});
    try {
      const start = Date.now();
      assert.equal(await thisHost().silent(server.url), `${new URL(server.url).host} did not answer in 3 s`);
      assert.ok(Date.now() - start < 5000);
    } finally {
      await server.close();
    }
  });

  it("say at once that nobody listens", async () => {
    const server = await serve(() => {});
    await server.close();
    assert.equal(
      await thisHost().silent(server.url),
      `${new URL(server.url).host} cannot be reached (ECONNREFUSED)`,
    );
  });
});

describe("downloads", () => {
  const content = Buffer.alloc(300_000, "x");
  const sum = createHash("sha256").update(content).digest("hex");
  let folder: string;
  let server: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "download-"));
    server = await serve((request, response) => {
      if (request.url !== "/file") response.writeHead(404).end();
      else response.writeHead(200, { "content-length": content.length }).end(content);
    });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it("are checked against their checksum while they are written", async () => {
    const target = join(folder, "good");
    const progress: [number, number | undefined][] = [];
    await fetchFile(`${server.url}file`, sum, target, (...step) => progress.push(step));
    assert.deepEqual(await readFile(target), content);
    assert.deepEqual(progress.at(-1), [0.3, 0.3]);
    await assert.rejects(
      fetchFile(`${server.url}file`, "0".repeat(64), target, () => {}),
      {
        message: `${server.url}file has the checksum ${sum}, expected ${"0".repeat(64)}`,
      },
    );
  });

  it("that are not there say so", async () => {
    await assert.rejects(fetchText(`${server.url}other`), { message: `${server.url}other answered 404` });
    await assert.rejects(
      fetchFile(`${server.url}other`, sum, join(folder, "x"), () => {}),
      /answered 404/,
    );
  });

  it("have the checksum that the list gives their very name", () => {
    const list = `${"a".repeat(64)}  pulumi.tar.gz\n${"b".repeat(64)} *pulumi.tar.gz.sig\n`;
    assert.equal(checksumOf(list, "pulumi.tar.gz"), "a".repeat(64));
    assert.equal(checksumOf(list, "pulumi.tar.gz.sig"), "b".repeat(64));
    assert.throws(() => checksumOf(list, "tar.gz"), {
      message: "the list of checksums does not name tar.gz",
    });
    assert.throws(() => checksumOf("<html>  x", "x"), { message: "the list of checksums does not name x" });
  });
});
