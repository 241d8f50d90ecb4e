/**
 * The docker plugin's way over SSH. A stand-in for `ssh` notes its arguments and runs the far side's command on this
 * machine, so everything but the encryption is real: one process a connection, HTTP through its pipes, its errors.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Engine } from "../../../plugins/docker/engine";
import { EngineError } from "../../../plugins/docker/errors";

describe("the docker plugin over SSH", () => {
  let folder: string;
  let path: string | undefined;
  const notes = () => readFileSync(join(folder, "arguments"), "utf8").trim().split("\n");

  const standIn = (script: string): void => {
    writeFileSync(join(folder, "ssh"), `#!/bin/sh\necho "$*" >> '${join(folder, "arguments")}'\n${script}\n`);
    chmodSync(join(folder, "ssh"), 0o755);
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "conf-docker-ssh-"));
    path = process.env.PATH;
    process.env.PATH = [folder, path].join(delimiter);
  });

  after(() => {
    process.env.PATH = path;
    rmSync(folder, { recursive: true, force: true });
  });

  it("speaks to the engine behind it, with the given options, and ends its processes", async () => {
    standIn('while [ "$1" != "--" ]; do shift; done; shift 2; exec "$@"');
    const engine = Engine.connect("ssh://deploy@far.example:2222", ["-o", "BatchMode=yes"]);
    try {
      const [version, volumes] = await Promise.all([
        engine.get<{ ApiVersion: string }>("/version"),
        engine.get<{ Volumes: unknown[] | null }>("/volumes"),
      ]);
      assert.match(version.ApiVersion, /^1\.\d+$/);
      assert.ok("Volumes" in volumes);
      const name = `conf-docker-ssh-${process.pid}`;
      const made = await engine.post<{ Name: string }>("/volumes/create", { Name: name, Labels: { a: "ü" } });
      assert.equal(made.Name, name);
      const found = await engine.find<{ Labels: Record<string, string> }>(`/volumes/${name}`);
      assert.deepEqual(found?.Labels, { a: "ü" });
      await engine.remove(`/volumes/${name}`);
      assert.equal(await engine.find(`/volumes/${name}`), undefined);
      await assert.rejects(
        engine.get("/networks/no-such-network"),
        (error) =>
          error instanceof EngineError && error.status === 404 && /no-such-network/.test(error.message),
      );
    } finally {
      engine.close();
    }
    const [first] = notes();
    assert.equal(first, "-o BatchMode=yes -l deploy -p 2222 -- far.example docker system dial-stdio");
  });

  it("says what ssh said when it cannot get through", async () => {
    standIn("echo 'Permission denied (publickey).' >&2; exit 255");
    const engine = Engine.connect("ssh://deploy@far.example", []);
    await assert.rejects(
      engine.get("/version"),
      /the Docker engine cannot be reached: ssh to the Docker host failed: Permission denied \(publickey\)/,
    );
    engine.close();
  });

  it("says that ssh is missing where it is", async () => {
    process.env.PATH = "/nowhere";
    const engine = Engine.connect("ssh://far.example", []);
    await assert.rejects(engine.get("/version"), /ssh cannot be run: .*ENOENT/);
    engine.close();
    process.env.PATH = [folder, path].join(delimiter);
  });
});
