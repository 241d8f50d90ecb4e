import assert from "node:assert/strict";
import { checkBase64 } from "../../../../plugins/docker/base64";
import { checkConfig, parseConfig } from "../../../../plugins/docker/config";
import { EngineError, isInUse, retryWhile } from "../../../../plugins/docker/errors";
import { sshArguments } from "../../../../plugins/docker/ssh";
import { UNKNOWN } from "../../../../plugins/lib/types";

describe("the docker provider's configuration", () => {
  it("takes a socket and an SSH host, and options of ssh", () => {
    assert.deepEqual(checkConfig({ host: "unix:///run/d.sock" }), []);
    assert.deepEqual(checkConfig({ host: "ssh://u@h:22", sshOpts: ["-i", "key"] }), []);
    assert.deepEqual(checkConfig({ host: UNKNOWN, sshOpts: UNKNOWN }), []);
  });

  it("refuses everything else with its name and what is allowed", () => {
    const reasons = checkConfig({ host: "tcp://h:2375", sshOpts: "-v", caMaterial: "x" }).map(
      ({ property, reason }) => `${property} ${reason}`,
    );
    assert.deepEqual(reasons, [
      "caMaterial is not known to this project's docker plugin, which takes host and sshOpts",
      "host is tcp://h:2375, but must start with unix:// or ssh://",
      "sshOpts must be a list of texts, one an argument of ssh",
    ]);
  });

  it("falls back to DOCKER_HOST and then to the usual socket", () => {
    assert.equal(parseConfig({ host: "ssh://h" }, { DOCKER_HOST: "unix:///a" }).host, "ssh://h");
    assert.equal(parseConfig({}, { DOCKER_HOST: "unix:///a" }).host, "unix:///a");
    assert.equal(parseConfig({}, {}).host, "unix:///var/run/docker.sock");
  });
});

describe("the way over SSH", () => {
  it("asks for the engine's stream with user, port and the given options, which the host cannot add to", () => {
    const far = ["docker", "system", "dial-stdio"];
    assert.deepEqual(sshArguments(new URL("ssh://u@h:2222"), ["-i", "k"]), [
      ...["-i", "k", "-l", "u", "-p", "2222", "--", "h"],
      ...far,
    ]);
    assert.deepEqual(sshArguments(new URL("ssh://h"), []), ["--", "h", ...far]);
  });
});

describe("an engine's error", () => {
  const said = (message: string) =>
    EngineError.of(
      Object.assign(new Error("(HTTP code 500) server error - "), { statusCode: 500, json: { message } }),
    );

  it("is told in the engine's own words", () => {
    assert.equal(
      said("rpc error: code = InvalidArgument desc = name must be valid").message,
      "name must be valid",
    );
  });

  it("that nothing was reached asks whether the engine runs", () => {
    const refused = Object.assign(new Error("connect ENOENT /run/d.sock"), { code: "ENOENT" });
    assert.match(
      EngineError.of(refused).message,
      /cannot be reached: connect ENOENT .*is the Docker engine running/,
    );
  });

  it("about something still in use is tried again until it works, or the limit has passed", async () => {
    let attempts = 0;
    const signal = new AbortController().signal;
    const busy = said("secret 'x' is in use by the following service: y");
    const done = await retryWhile(isInUse, 5000, signal, async () => {
      attempts += 1;
      if (attempts < 3) throw busy;
      return "gone";
    });
    assert.deepEqual([done, attempts], ["gone", 3]);
    await assert.rejects(
      retryWhile(isInUse, 0, signal, async () => Promise.reject(busy)),
      busy,
    );
    let other = 0;
    const wrong = said("no such thing");
    await assert.rejects(
      retryWhile(isInUse, 5000, signal, async () => {
        other += 1;
        throw wrong;
      }),
      wrong,
    );
    assert.equal(other, 1);
  });
});

describe("base64 data", () => {
  it("is checked without its value in the message", () => {
    assert.deepEqual(checkBase64({ data: "aGk=" }, "data"), []);
    assert.deepEqual(checkBase64({ data: UNKNOWN }, "data"), []);
    const [failure] = checkBase64({ data: "my password" }, "data");
    assert.equal(failure?.property, "data");
    assert.doesNotMatch(failure?.reason ?? "", /my password/);
  });
});
