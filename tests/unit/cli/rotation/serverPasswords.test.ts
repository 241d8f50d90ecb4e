import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "../../../../cli/cache/redis";
import { DockerHost } from "../../../../cli/docker";
import {
  CachePassword,
  digestsOf,
  passwordDigest,
  sessionsOlderThan,
} from "../../../../cli/rotation/cachePassword";
import { runningServers } from "../../../../cli/rotation/declared";
import { SuperuserPassword } from "../../../../cli/rotation/superuser";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

const [OLD, NEW] = ["planted-password-0001", "planted-password-0002"];
const digest = passwordDigest;

/** As Redis 7 and 8 answer. */
const LIST = (...digests: string[]) =>
  `["user container on #${"a".repeat(64)} ~* &* +@all","user default on ${digests.map((each) => `#${each}`).join(" ")} ~* &* +@all","user mounted off #${"b".repeat(64)} resetchannels -@all"]`;
const CLIENTS = [
  "id=6 addr=10.0.0.2:45292 laddr=10.0.0.3:6379 fd=9 name= age=900 idle=0 flags=N db=0 user=default redir=-1 resp=3",
  "id=7 addr=10.0.0.4:45292 laddr=10.0.0.3:6379 fd=9 name= age=30 idle=0 flags=N db=0 user=default redir=-1 resp=2",
  "id=8 addr=127.0.0.1:45292 laddr=127.0.0.1:6379 fd=9 name= age=900 idle=0 flags=N db=0 user=container redir=-1 resp=3",
  "",
].join("\n");

/**
 * A `docker` whose database lets in with what the file `superuser` holds, and whose cache with what stands in `cache`; what it was
 * called with, and what came by standard input, is kept.
 */
const FAKE = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
case "$*" in
  *service=db*) cat "$FAKE/db" ;;
  *service=redis*) cat "$FAKE/redis" ;;
  *"test -e"*) exit "$(cat "$FAKE/able")" ;;
  *replace-password*) cat >"$FAKE/superuser" ;;
  *psql*) [ "$(cat)" = "$(cat "$FAKE/superuser")" ] || { cat "$FAKE/reason" >&2; exit 2; } ;;
  *PING*) if grep -qxF "$(cat)" "$FAKE/cache"; then echo PONG; else echo 'NOAUTH Authentication required.'; fi ;;
  *"CLIENT LIST"*) cat "$FAKE/clients" ;;
  *redis-cli*)
    while read -r line; do
      echo "$line" >>"$FAKE/asked"
      case "$line" in "ACL LIST") cat "$FAKE/list" ;; "CLIENT KILL"*) echo 1 ;; *) echo '"OK"' ;; esac
    done ;;
esac
`;

describe("the password of a running server", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  interface Given {
    superuser?: string;
    reason?: string;
    /** Passwords, a line each, that the cache lets in with. */
    cache?: string;
    list?: string;
    able?: string;
    redis?: string;
  }

  /** @returns What the work gave, the command lines that a process list would show, and the commands that the cache was given. */
  async function given<T>(files: Given, work: (docker: DockerHost) => Promise<T>) {
    const folder = folders.create({
      superuser: `${files.superuser ?? OLD}\n`,
      reason: files.reason ?? 'FATAL:  password authentication failed for user "postgres"\n',
      cache: `${files.cache ?? OLD}\n`,
      list: `${files.list ?? LIST(digest(OLD))}\n`,
      clients: CLIENTS,
      able: files.able ?? "0",
      db: "db1\n",
      redis: files.redis ?? "redis1\n",
      asked: "",
    });
    writeScript(join(folder, "bin"), "docker", FAKE);
    const result = await withEnvironment(
      { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
      () => work(new DockerHost("")),
    );
    const calls = readFileSync(join(folder, "calls"), "utf8");
    assert.doesNotMatch(calls, /planted/, "a process list shows no password");
    for (const each of [OLD, NEW]) {
      assert.equal(calls.includes(digest(each)), false, "nor a digest");
    }
    return { result, asked: readFileSync(join(folder, "asked"), "utf8").trim().split("\n") };
  }

  const cache = (docker: DockerHost) => new CachePassword(Redis.in(docker, "redis1"));
  const superuser = (docker: DockerHost) => new SuperuserPassword(docker, "db1");

  it("is the database's when a log-in with it succeeds", async () => {
    assert.equal((await given({}, (docker) => superuser(docker).accepts(OLD))).result, true);
    assert.equal((await given({}, (docker) => superuser(docker).accepts(NEW))).result, false);
  });

  it("is not known when the database lets nobody in", async () => {
    const reason = "psql: error: FATAL:  the database system is starting up\n";
    await assert.rejects(
      given({ reason }, (docker) => superuser(docker).accepts(NEW)),
      { message: "db: nobody can log in: psql: error: FATAL:  the database system is starting up" },
    );
  });

  it("is replaced in the database, which is asked whether it took it", async () => {
    const { result } = await given({}, async (docker) => {
      const server = superuser(docker);
      await server.admit(NEW);
      return [await server.accepts(NEW), await server.accepts(OLD), await server.isSettled(NEW)];
    });
    assert.deepEqual(result, [true, false, true]);
  });

  it("is let in by the cache beside the one of before, and kept on its volume", async () => {
    const { asked } = await given({ cache: `${OLD}\n${NEW}` }, (docker) => cache(docker).admit(NEW));
    assert.deepEqual(asked, [`ACL SETUSER default #${digest(NEW)}`, "ACL SAVE"]);
  });

  it("that the cache was given and does not let in with is an error", async () => {
    await assert.rejects(
      given({}, (docker) => cache(docker).admit(NEW)),
      { message: /^redis: it does not let in with the password that it was just given: [^\n]+$/ },
    );
  });

  it("is the cache's only one at the end, and the sessions of before it are ended", async () => {
    const { asked } = await given({}, (docker) => cache(docker).settle(NEW, 60));
    assert.deepEqual(asked, [
      `ACL SETUSER default resetpass #${digest(NEW)}`,
      "ACL SAVE",
      "CLIENT KILL ID 6",
    ]);
    const unknown = await given({}, (docker) => cache(docker).settle(NEW, undefined));
    assert.equal(unknown.asked.length, 2);
  });

  const lists: [what: string, list: string, settled: boolean][] = [
    ["it alone", LIST(digest(NEW)), true],
    ["it and the one of before", LIST(digest(OLD), digest(NEW)), false],
    ["the one of before", LIST(digest(OLD)), false],
    ["nothing", LIST(), false],
  ];
  for (const [what, list, settled] of lists) {
    it(`is ${settled ? "settled" : "not settled"} in a cache that lets in with ${what}`, async () => {
      assert.equal((await given({ list }, (docker) => cache(docker).isSettled(NEW))).result, settled);
    });
  }

  it("can be replaced in servers that run, in a version that can", async () => {
    const secretsOf = async (files: Given) =>
      (await given(files, (docker) => runningServers(docker, "unit"))).result.map(({ secret }) => secret);
    assert.deepEqual(await secretsOf({}), ["postgresPassword", "redisPassword"]);
    assert.deepEqual(await secretsOf({ redis: "" }), ["postgresPassword"]);
    assert.deepEqual(await secretsOf({ able: "1" }), []);
  });

  it("is read from the user that is asked for, whatever else the server lists", () => {
    assert.deepEqual(digestsOf("default", LIST("1".repeat(64), "2".repeat(64))), [
      "1".repeat(64),
      "2".repeat(64),
    ]);
    assert.deepEqual(digestsOf("mounted", LIST()), ["b".repeat(64)]);
    assert.deepEqual(digestsOf("nobody", LIST()), []);
  });

  it("ends sessions of its user only, and only older ones", () => {
    assert.deepEqual(sessionsOlderThan(60, "default", CLIENTS), ["6"]);
    assert.deepEqual(
      sessionsOlderThan(30, "default", CLIENTS),
      ["6"],
      "one of that very age may be a new one",
    );
    assert.deepEqual(sessionsOlderThan(29, "default", CLIENTS), ["6", "7"]);
    assert.deepEqual(sessionsOlderThan(900, "default", CLIENTS), []);
    assert.deepEqual(sessionsOlderThan(0, "default", ""), []);
  });
});
