/** The process of a plugin as the engine sees it: its port, its answers, its end. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { CheckRequest, ConstructRequest } from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

const ENTRY = join(resolve(__dirname, "..", "..", ".."), "plugins", "docker", "index.ts");
const NODE = [process.execPath, "--import", pathToFileURL(require.resolve("tsx")).href, ENTRY];

/** The first lines of a process's output. */
async function lines(child: ChildProcess, count: number): Promise<string[]> {
  assert.ok(child.stdout);
  const found: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    found.push(line);
    if (found.length === count) break;
  }
  return found;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("a plugin's process", () => {
  it("prints its port, answers, and ends when it is told to", async () => {
    const [node = "", ...args] = NODE;
    const child = spawn(node, args, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [port] = await lines(child, 1);
      assert.match(port ?? "", /^\d+$/);
      const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
      const version = await new Promise<string>((done, fail) => {
        client.getPluginInfo(new Empty(), (error, info) => (error ? fail(error) : done(info.getVersion())));
      });
      assert.equal(version, "5.2.0");
      const check = await new Promise<ServiceError | null>((done) => {
        client.check(new CheckRequest().setUrn("urn:pulumi:s::p::docker:index/image:Image::i"), done);
      });
      assert.match(
        check?.details ?? "",
        /docker:index\/image:Image: the docker plugin of this project only knows/,
      );
      assert.doesNotMatch(check?.details ?? "", /\n/);
      const construct = await new Promise<ServiceError | null>((done) => {
        client.construct(new ConstructRequest(), done);
      });
      assert.equal(construct?.code, status.UNIMPLEMENTED);
      client.close();
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number | null];
      assert.equal(code, 0);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("ends when the engine that started it died without a word", async () => {
    // The shell stands for the engine; it tells the plugin's process number, then waits for its end.
    const script = '"$@" & echo $!; wait';
    const engine = spawn("sh", ["-c", script, "sh", ...NODE], { stdio: ["ignore", "pipe", "inherit"] });
    const [pid] = await lines(engine, 2);
    const plugin = Number(pid);
    try {
      assert.ok(isAlive(plugin));
      engine.kill("SIGKILL");
      const deadline = Date.now() + 30_000;
      while (isAlive(plugin) && Date.now() < deadline) await sleep(100);
      assert.equal(isAlive(plugin), false, "the plugin outlived its engine");
    } finally {
      if (isAlive(plugin)) process.kill(plugin, "SIGKILL");
    }
  });
});
