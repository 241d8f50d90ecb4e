import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { servicesFor } from "../../../../cli/diagnose/diagnose";
import { formatDiagnosis } from "../../../../cli/diagnose/format";
import { BoundedDockerHost } from "../../../../cli/diagnose/gather/bounded";
import { parseDf, parsePs } from "../../../../cli/diagnose/gather/host";
import { timeRequest } from "../../../../cli/diagnose/gather/request";
import { redact } from "../../../../cli/diagnose/redact";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

describe("lines that diagnose shows", () => {
  const table: [line: string, shown: string][] = [
    [
      'connecting to "postgresql://app:hunter2hunter2@db:5432/fitnesscrm"',
      'connecting to "postgresql://app:[hidden]@db:5432/fitnesscrm"',
    ],
    ["redis://:s3cr3t@redis:6379/0 refused", "redis://:[hidden]@redis:6379/0 refused"],
    ["password=hunter2 host=db", "password=[hidden] host=db"],
    ['{"secret_key": "abc def", "level": "error"}', '{"secret_key": [hidden], "level": "error"}'],
    ["Authorization: Bearer abc.def", "Authorization: Bearer [hidden]"],
    ["key AKIAIOSFODNN7EXAMPLE is refused", "key [hidden] is refused"],
    [
      'FATAL: password authentication failed for user "app"',
      'FATAL: password authentication failed for user "app"',
    ],
    ["GET /api/health 200", "GET /api/health 200"],
  ];
  for (const [line, shown] of table) {
    it(`hide what looks like a secret, and nothing else: ${line}`, () =>
      assert.equal(redact(line, []), shown));
  }

  it("never hold a secret of the stack, wherever it stands, plain or as a URL has it", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 8 }).filter((secret) => !"[hidden]".includes(secret) && secret.isWellFormed()),
        fc.string(),
        (before, secret, behind) => {
          for (const form of [secret, encodeURIComponent(secret)]) {
            assert.ok(!redact(before + form + behind, [secret]).includes(form));
          }
        },
      ),
    );
  });
});

describe("what tools print", () => {
  it("of file systems is read from the last line of df", () => {
    const text =
      "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 1000 600 200 75% /var/lib/x\n";
    assert.deepEqual(parseDf(text, "the database"), {
      device: "/dev/vda1 1000",
      holds: "the database",
      usedPercent: 75,
      freeBytes: 200 * 1024,
    });
    assert.equal(parseDf("df: /x: No such file or directory\n", "x"), undefined);
  });

  it("of processes is read without their arguments", () => {
    assert.deepEqual(
      parsePs("    PID     TIME %CPU   RSS COMMAND\n 4242  17  3.5  2048 tmux: server\n", "db"),
      [
        {
          service: "db",
          pid: 4242,
          cpuSeconds: 17,
          lifePercent: 3.5,
          memoryBytes: 2048 * 1024,
          command: "tmux: server",
        },
      ],
    );
  });
});

describe("the phases of a request", () => {
  let server: Server;
  let port = 0;
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === "/cut") {
        response.writeHead(200, { "content-length": "100" });
        response.write("x");
        setTimeout(() => response.destroy(), 20);
      } else if (request.url !== "/silent") {
        setTimeout(() => response.end("ok"), 120);
      }
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it("are told apart: it is the answer that was waited for", async () => {
    const found = await timeRequest(`http://localhost:${port}/`);
    assert.equal(found.status, 200);
    assert.equal(found.problem, null);
    assert.ok((found.waitMs ?? 0) >= 115, String(found.waitMs));
    assert.ok((found.lookupMs ?? -1) >= 0 && (found.connectMs ?? -1) >= 0);
    assert.ok(found.totalMs >= (found.waitMs ?? 0));
    assert.equal(found.tlsMs, null);
  });

  it("of one that nobody takes say so", async () => {
    const found = await timeRequest("http://127.0.0.1:1/");
    assert.equal(found.status, null);
    assert.equal(found.problem, "ECONNREFUSED");
    assert.equal(found.connectMs, null);
  });

  it("of one that is never answered, or cut off, come to an end", async () => {
    assert.equal((await timeRequest(`http://127.0.0.1:${port}/silent`, 0.3)).problem, "nothing within 0.3 s");
    assert.ok((await timeRequest(`http://127.0.0.1:${port}/cut`)).problem !== null);
  });
});

describe("the Docker host that diagnose asks", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("is asked four things at a time at most, and every one is answered, also after one that failed", async () => {
    const folder = folders.create({});
    // Leaves a file while it runs, and prints how many there are.
    writeScript(
      folder,
      "docker",
      `#!/bin/sh\ntouch "${folder}/at.$$"\nsleep 0.05\nls "${folder}" | grep -c "^at"\nrm "${folder}/at.$$"\nexit "$1"\n`,
    );
    const docker = new BoundedDockerHost("");
    await withEnvironment({ PATH: `${folder}:${process.env.PATH}` }, async () => {
      const asked = Array.from({ length: 24 }, (_, index) =>
        index % 6 === 0
          ? docker.runChecked("it", ["1"]).catch(() => "0")
          : docker.run(["0"]).then(({ stdout }) => stdout),
      );
      const seen = (await Promise.all(asked)).map(Number);
      assert.equal(seen.length, 24);
      assert.ok(Math.max(...seen) <= 4, String(Math.max(...seen)));
      assert.ok(Math.max(...seen) > 1, "more than one at a time");
    });
  });
});

describe("./fitnesscrm diagnose", () => {
  it("looks at a service and at what it needs, and refuses one that there is not", () => {
    assert.deepEqual(servicesFor("backend"), ["backend", "db", "redis"]);
    assert.throws(() => servicesFor("web"), /service "web" is none of the stack: must be one of db, redis,/);
  });

  it("prints what is wrong with what to do and what shows it", () => {
    const text = formatDiagnosis(
      {
        healthy: false,
        findings: [
          {
            level: "fail",
            part: "backend",
            cause: "crash",
            what: "0 of 1 tasks run: crashes: exit code 3",
            todo: "look below",
            evidence: ["ImportError"],
          },
          { level: "ok", part: "disk", cause: "ok", what: "10 % used" },
        ],
      },
      {
        requests: [
          {
            url: "http://x/",
            status: null,
            problem: "ECONNREFUSED",
            lookupMs: 1,
            connectMs: null,
            tlsMs: null,
            waitMs: null,
            totalMs: 2,
          },
        ],
        processes: [],
      },
    );
    assert.deepEqual(text.split("\n"), [
      "FAIL  backend  0 of 1 tasks run: crashes: exit code 3",
      "               do: look below",
      "               | ImportError",
      "ok    disk     10 % used",
      "",
      "A request through the edge (M36):",
      "LOOK-UP  CONNECT  TLS  FIRST BYTE   TOTAL  STATUS        URL",
      " 1.0 ms        -    -           -  2.0 ms  ECONNREFUSED  http://x/",
      "",
      "1 check fails.",
    ]);
  });
});
