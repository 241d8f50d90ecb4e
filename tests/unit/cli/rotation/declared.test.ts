import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StackContext } from "../../../../cli/context";
import { DockerHost } from "../../../../cli/docker";
import { Pulumi } from "../../../../cli/pulumi";
import { ServerPasswords } from "../../../../cli/rotation/declared";
import { parseConfig } from "../../../../config";
import type { Reporter } from "../../../../toolchain";
import { minimalConfig, rawOf } from "../../../support/config";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

const [OLD, NEW] = ["planted-password-0001", "planted-password-0002"];
const CONFIG = parseConfig(rawOf(minimalConfig()), "/nowhere");

/** A `docker` with a database that lets in with what the file `superuser` holds, and no cache unless the file `redis` names it. */
const FAKE = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
[ ! -e "$FAKE/broken" ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }
case "$*" in
  *"test -e"*) ;;
  *service=db*) cat "$FAKE/db" ;;
  *service=redis*) cat "$FAKE/redis" ;;
  *replace-password) cat >"$FAKE/superuser" ;;
  *psql*) [ "$(cat)" = "$(cat "$FAKE/superuser")" ] || { echo 'FATAL:  password authentication failed' >&2; exit 2; } ;;
  *PING*) cat >/dev/null; echo PONG ;;
  *redis-cli*) while read -r line; do echo "$line" >>"$FAKE/asked"; cat "$FAKE/list"; done ;;
esac
`;
// Lets in with something else than what is declared.
const LIST = `["user default on #${"1".repeat(64)} ~* &* +@all"]\n`;

class FakePulumi extends Pulumi {
  decrypted = 0;

  override async runChecked(): Promise<string> {
    this.decrypted += 1;
    return JSON.stringify({ postgresPassword: NEW, redisPassword: NEW });
  }
}

describe("passwords of database and cache around an update", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function stack(files: Readonly<Record<string, string>> = {}, kind: StackContext["kind"] = "local") {
    const folder = folders.create({
      superuser: OLD,
      db: "db1\n",
      redis: "redis1\n",
      list: LIST,
      asked: "",
      calls: "",
      "Pulumi.unit.yaml": "config:\n  fitnesscrm:secrets:\n    secure: first\n",
      ...files,
    });
    writeScript(join(folder, "bin"), "docker", FAKE);
    const context: StackContext = {
      stack: "unit",
      home: folder,
      kind,
      configFile: join(folder, "Pulumi.unit.yaml"),
      folder,
    };
    const pulumi = new FakePulumi(context);
    const told: string[] = [];
    const reporter: Reporter = {
      step: () => ({
        detail: () => undefined,
        done: (text) => void told.push(text ?? ""),
        fail: (text) => void told.push(text ?? "failed"),
      }),
    };
    return {
      pulumi,
      told,
      read: (file: string) => readFileSync(join(folder, file), "utf8"),
      write: (file: string, text: string) => writeFileSync(join(folder, file), text),
      argumentsFor: (...args: string[]) =>
        new ServerPasswords(
          { context, config: CONFIG, docker: new DockerHost(""), pulumi },
          reporter,
        ).argumentsFor(args),
      update: (between: () => void = () => undefined) =>
        withEnvironment(
          { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
          async () => {
            const session = { context, config: CONFIG, docker: new DockerHost(""), pulumi };
            const passwords = new ServerPasswords(session, reporter);
            await passwords.admit();
            between();
            await passwords.settle();
          },
        ),
    };
  }

  it("let the clients of after in before the update, and nobody else after it", async () => {
    const { update, read, told } = stack();
    await update(() => {
      assert.equal(read("superuser").trim(), NEW);
      assert.doesNotMatch(
        read("asked"),
        /resetpass/,
        "those of before are let in until the update has ended",
      );
    });
    assert.deepEqual(told, [
      "postgresPassword: let in from now on",
      "redisPassword: only the one of now lets in",
    ]);
    assert.match(read("asked"), /^ACL SETUSER default resetpass #[0-9a-f]{64}$/m);
    assert.doesNotMatch(read("calls") + told.join(), /planted/);
  });

  it("are not decrypted again for the same servers and the same secrets", async () => {
    const { update, pulumi, read, write } = stack();
    await update();
    const { decrypted } = pulumi;
    write("calls", "");
    await update();
    assert.equal(pulumi.decrypted, decrypted);
    assert.doesNotMatch(read("calls"), /exec/);
    assert.doesNotMatch(read("server-passwords"), /planted/);
  });

  const changes: [what: string, file: string, text: string][] = [
    ["the secrets", "Pulumi.unit.yaml", "config:\n  fitnesscrm:secrets:\n    secure: second\n"],
    ["the database's container", "db", "db2\n"],
    ["the cache's container", "redis", "redis2\n"],
  ];
  for (const [what, file, text] of changes) {
    it(`are looked at again when ${what} changed`, async () => {
      const { update, pulumi, write } = stack();
      await update();
      const { decrypted } = pulumi;
      write(file, text);
      await update();
      assert.ok(pulumi.decrypted > decrypted);
    });
  }

  it("are looked at again while one of the servers was away", async () => {
    const { update, pulumi } = stack({ redis: "" });
    await update();
    const { decrypted } = pulumi;
    await update();
    assert.ok(pulumi.decrypted > decrypted);
  });

  it("are the program's in a refresh, where the state has those of before", async () => {
    const { update, argumentsFor, write } = stack();
    assert.deepEqual(argumentsFor("--refresh"), ["--refresh"]);
    await update();
    assert.deepEqual(argumentsFor("--refresh"), ["--refresh"]);
    write("Pulumi.unit.yaml", "config:\n  fitnesscrm:secrets:\n    secure: second\n");
    assert.deepEqual(argumentsFor("--refresh"), ["--refresh", "--run-program"]);
    assert.deepEqual(argumentsFor("--target", "x"), ["--target", "x"]);
    await update();
    assert.deepEqual(argumentsFor("--refresh"), ["--refresh"]);
  });

  it("are left alone on a stack where nothing runs", async () => {
    const { update, pulumi } = stack({ redis: "", db: "" });
    await update();
    assert.equal(pulumi.decrypted, 0);
  });

  it("of servers that cannot be asked stop no update before it, and are an error after it", async () => {
    const { update } = stack({ broken: "" });
    let wasReached = false;
    await assert.rejects(
      update(() => {
        wasReached = true;
      }),
      /Cannot connect to the Docker daemon/,
    );
    assert.equal(wasReached, true);
  });
});
