import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import type { CacheStats } from "../../cli/cache/facts";
import type { Finding } from "../../cli/diagnose/facts";
import type { Diagnosis } from "../../cli/diagnose/judge/judge";
import type { Cleaning } from "../../cli/images/clean";
import type { Incident } from "../../cli/incident/record";
import type { Isolation } from "../../cli/isolate/isolation";
import { api } from "./support/app";
import { containersOf, docker, drained, logsOf, serviceName } from "./support/docker";
import { launch, mustOnStack, onStack, STACK, URL_OF_STACK } from "./support/launcher";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

/** The update stops where it fails, and the old task serves on: so the fault stays, and users see nothing of it. */
const BREAK = ["service", "update", "--detach", "--quiet", "--update-failure-action", "pause"];

describe("what an operator does when something is wrong", function () {
  this.timeout(600_000);
  /** Everything that was printed: no secret may stand in it. */
  let printed = "";

  /** Its transaction has to be forgotten for a minute before it counts: it is looked at in the end. */
  let leak: ChildProcess | undefined;

  before(async () => {
    await ensureStack();
    const [db] = await containersOf("db");
    assert.ok(db !== undefined);
    leak = spawn(
      "docker",
      ["exec", "--interactive", "--user", "postgres", db, "psql", "-X", "-d", "fitnesscrm"],
      { stdio: ["pipe", "ignore", "ignore"] },
    );
    leak.stdin?.write("BEGIN;\nSELECT 1;\n");
  });
  after(() => leak?.stdin?.end());

  const asItWas = (): Promise<true> =>
    waitFor("the stack to be as it was", async () => (await onStack("health")).code === 0, 180);

  async function diagnosed(...service: string[]): Promise<Diagnosis> {
    const { stdout, stderr, code } = await onStack("diagnose", ...service, "--json");
    printed += stdout + stderr;
    assert.ok(stdout.startsWith("{"), stderr);
    const diagnosis = JSON.parse(stdout) as Diagnosis;
    assert.equal(code, diagnosis.healthy ? 0 : 1);
    return diagnosis;
  }
  const failures = ({ findings }: Diagnosis): Finding[] => findings.filter(({ level }) => level === "fail");
  const named = (findings: readonly Finding[]): string[] =>
    findings.map(({ part, cause }) => `${part}: ${cause}`);

  describe("diagnose (M32 to M36)", () => {
    const broken = ["backend", "frontend", "agent"];

    after(async () => {
      for (const service of broken) {
        const state = await docker(
          ...["service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"],
          serviceName(service),
        );
        if (state === "paused") {
          await docker("service", "rollback", "--detach", serviceName(service));
        }
      }
      await asItWas();
      await drained("backend");
    });

    it("finds nothing broken, shows the phases of a request and the busiest processes", async () => {
      const { stdout } = await mustOnStack("diagnose");
      printed += stdout;
      assert.match(stdout, /LOOK-UP +CONNECT +TLS +FIRST BYTE +TOTAL/);
      assert.match(stdout, /ms +200 +http:\/\/localhost:\d+\/api\/health/);
      assert.match(stdout, /The busiest processes \(M33\):\n *CPU/);
      assert.match(stdout, /Nothing is broken\./);
    });

    it("works when the engine does not answer: names it, and asks what else can be asked", async () => {
      const { code, stdout } = await launch(["diagnose", "--stack", STACK, "--json"], {
        env: { DOCKER_HOST: "unix:///run/there-is-no-engine.sock" },
      });
      const diagnosis = JSON.parse(stdout) as Diagnosis;
      assert.equal(code, 1);
      assert.deepEqual(named(failures(diagnosis)), ["docker: engine-down"]);
      const known = diagnosis.findings.filter(({ level }) => level !== "unknown").map(({ part }) => part);
      assert.deepEqual([...new Set(known)].sort(), ["disk", "docker", "request"]);
    });

    it("names a crash, an image that is missing, and a task that was killed for want of memory", async () => {
      // What it prints, its log must not: this is the real key.
      const crash = "sh -c 'echo the key is $SECRET_KEY; exit 3'";
      await docker(...BREAK, "--args", crash, serviceName("backend"));
      await docker(
        ...BREAK,
        "--no-resolve-image",
        "--image",
        "fitnesscrm/none:missing",
        serviceName("frontend"),
      );
      await docker(...BREAK, "--limit-memory", "8m", serviceName("agent"));
      const wanted = ["backend: crash", "frontend: image-missing", "agent: out-of-memory"];
      const diagnosis = await waitFor(
        "all three",
        async () => {
          const found = await diagnosed();
          const names = named(failures(found));
          if (!wanted.every((name) => names.includes(name))) {
            throw new Error(names.join(", "));
          }
          return found;
        },
        150,
      );
      const found = (part: string): Finding => {
        const one = failures(diagnosis).find((finding) => finding.part === part);
        assert.ok(one?.todo !== undefined, part);
        return one;
      };
      assert.match(found("backend").what, /exit code 3/);
      assert.ok(
        found("backend").evidence?.includes("the key is [hidden]"),
        found("backend").evidence?.join("\n"),
      );
      assert.match(found("frontend").what, /fitnesscrm\/none:missing/);
      assert.match(found("agent").what, /8\.0 MiB/);
      assert.equal((await api("/api/health")).status, 200, "users see nothing of it");
    });

    it("looks only at a service and what it needs when it is asked for one", async () => {
      const parts = new Set((await diagnosed("frontend")).findings.map(({ part }) => part));
      assert.ok(parts.has("frontend") && !parts.has("backend") && !parts.has("database"), [...parts].join());
      const refused = await onStack("diagnose", "web");
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /service "web" is none of the stack: must be one of db, redis/);
    });
  });

  describe("incident (M52)", () => {
    const asked = async <T>(...args: string[]): Promise<T> =>
      JSON.parse((await mustOnStack("incident", ...args, "--json")).stdout) as T;
    const TITLE = "API answers 502; $(touch /tmp/never) `id` <script>";
    let id = "";

    it("is opened with what is so at that moment: the release, alarms, health", async () => {
      const opened = await asked<Incident>("open", TITLE, "--severity", "P1", "--note", "three users called");
      id = opened.id;
      assert.equal(opened.title, TITLE);
      assert.equal(opened.severity, "P1");
      assert.ok(opened.facts.release?.images.backend !== undefined, JSON.stringify(opened.facts));
      assert.equal(opened.steps.detection.length, 1);
    });

    it("keeps what is noted while the engine is away, and the bucket has it afterwards", async () => {
      const away = { env: { DOCKER_HOST: "unix:///run/there-is-no-engine.sock" } };
      const text = "isolated the backend;\nsecond line";
      const note = ["incident", "note", text, "--step", "containment", "--stack", STACK];
      const nowhere = await launch(note, away);
      assert.equal(nowhere.code, 1);
      assert.match(nowhere.stderr, /the bucket cannot be read/);
      const alone = await launch(
        ["incident", "open", "engine away", "--severity", "P0", "--stack", STACK, "--json"],
        away,
      );
      assert.equal(alone.code, 0, alone.stderr);
      assert.match(alone.stderr, /kept on this machine, and sent to the bucket by the next incident command/);
      const second = JSON.parse(alone.stdout) as Incident;
      assert.match(second.facts.unhealthy[0]?.reason ?? "", /does not answer/);
      const open = await asked<Incident[]>("list", "--open");
      assert.deepEqual(open.map((one) => one.id).sort(), [id, second.id].sort());
      await asked("close", "--incident", second.id, "--lessons", "a rehearsal");
      const noted = await asked<Incident>("note", text, "--step", "containment", "--severity", "P0");
      assert.equal(noted.id, id, "the only one that is open is meant");
      assert.equal(noted.severity, "P0");
      assert.equal(noted.steps.containment[0]?.text, `P0: ${text}`);
    });

    it("is not closed before something was learned, and not changed afterwards", async () => {
      const refused = await onStack("incident", "close");
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /has no lessons learned, so it stays open/);
      const closed = await asked<Incident>("close", "--lessons", "the pool was too small");
      assert.equal(closed.id, id);
      assert.ok(closed.closedAt !== null);
      const late = await onStack("incident", "note", "x", "--step", "recovery", "--incident", id);
      assert.equal(late.code, 2);
      assert.match(late.stderr, /was closed at/);
    });

    it("is shown as Markdown, in which what people wrote is text", async () => {
      const { stdout } = await mustOnStack("incident", "show", id);
      assert.match(stdout, /^# P0: API answers 502; \$\(touch \/tmp\/never\) \\`id\\` \\<script\\>\n/);
      for (const title of ["1. Detection", "3. Containment", "4. Eradication", "6. Lessons Learned"]) {
        assert.ok(stdout.includes(`## ${title}`), title);
      }
      assert.match(stdout, /second line/);
    });
  });

  it("images clean takes nothing that the stack runs or declares (M55)", async () => {
    const { stdout } = await mustOnStack("images", "clean", "--json");
    const cleaning = JSON.parse(stdout) as Cleaning;
    assert.deepEqual([cleaning.stack, cleaning.dryRun, cleaning.buildCache], [STACK, false, null]);
    const { stdout: again } = await mustOnStack("images", "clean", "--json");
    assert.deepEqual((JSON.parse(again) as Cleaning).removed, []);
    await mustOnStack("preview", "--expect-no-changes");
    assert.equal((await onStack("health")).code, 0);
  });

  describe("isolate (M52)", () => {
    const edgeStatus = async (path: string): Promise<number> =>
      (await fetch(`${URL_OF_STACK}${path}`)).status;
    after(() => onStack("isolate", "backend", "--undo"));

    it("takes the backend off the edge while it still runs, says who and why, and puts it back", async () => {
      const before = await containersOf("backend");
      const { stdout } = await mustOnStack("isolate", "backend", "--reason", "somebody reads $(all) clients");
      assert.match(stdout, /backend still runs, and users get a 503 from the edge/);
      assert.equal(await edgeStatus("/api/health"), 503);
      assert.equal(await edgeStatus("/"), 200);
      assert.deepEqual(await containersOf("backend"), before);
      const [isolated] = JSON.parse((await mustOnStack("isolate", "--json")).stdout) as Isolation[];
      assert.equal(isolated?.reason, "somebody reads $(all) clients");
      const health = await onStack("health");
      assert.equal(health.code, 1);
      assert.match(
        health.stdout,
        /FAIL +api +.* answers 503: .*isolated: the operators have taken this part/,
      );
      assert.match(
        (await onStack("preview")).stderr,
        /isolated: backend is off the edge since .*somebody reads/,
      );
    });

    it("keeps it off when the edge is replaced, until it is undone", async () => {
      await mustOnStack("restart", "nginx", "--yes");
      await waitFor("the edge", async () => (await edgeStatus("/")) === 200);
      assert.equal(await edgeStatus("/api/health"), 503);
      await mustOnStack("isolate", "backend", "--undo");
      assert.equal(await edgeStatus("/api/health"), 200);
      assert.match((await mustOnStack("isolate")).stdout, /Nothing is off the edge/);
    });

    it("is refused for what is not reached through the edge", async () => {
      const refused = await onStack("isolate", "db");
      assert.equal(refused.code, 2);
      assert.match(
        refused.stderr,
        /service "db" is not reached through the edge: must be one of backend, frontend/,
      );
    });
  });

  describe("cache (M54)", () => {
    const redis = async (...words: string[]): Promise<string> => {
      const [container] = await containersOf("redis");
      assert.ok(container !== undefined);
      const script =
        'REDISCLI_AUTH=$(cat /run/redis/own_password); export REDISCLI_AUTH; exec redis-cli --no-auth-warning --user container "$@"';
      return docker("exec", container, "sh", "-c", script, "sh", ...words);
    };
    const stats = async (): Promise<CacheStats> =>
      JSON.parse((await mustOnStack("cache", "stats", "--json")).stdout) as CacheStats;

    it("shows hit rate, memory, policy, and keys that never expire", async () => {
      await redis("SET", "e2e:stays", "x");
      await redis("SET", "e2e:ends", "x", "EX", "600");
      await redis("GET", "e2e:stays");
      const found = await stats();
      assert.equal(found.memory.policy, "allkeys-lru");
      assert.ok(found.memory.maxBytes !== null && found.memory.usedBytes < found.memory.maxBytes);
      assert.ok(found.hits > 0 && (found.hitRate ?? 0) > 0);
      const own = found.sample.prefixes.find(({ prefix }) => prefix === "e2e:");
      assert.deepEqual(own, { prefix: "e2e:", keys: 2, withoutEnd: 1 });
    });

    it("deletes the keys of a pattern, by thousands, whatever is in their names, and no others", async () => {
      await redis("EVAL", "for i=1,2500 do redis.call('SET','e2e:many:'..i,'x') end return 1", "0");
      await redis("EVAL", "redis.call('SET','e2e:many:\\255\"\\\\ \\n','x') return 1", "0");
      const refused = await onStack("cache", "clear", "--pattern", "e2e:many:*");
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /add --yes/);
      const { stdout } = await mustOnStack("cache", "clear", "--pattern", "e2e:many:*", "--yes", "--json");
      assert.deepEqual(JSON.parse(stdout), { deleted: 2501 });
      assert.equal(await redis("EXISTS", "e2e:stays", "e2e:ends"), "2");
    });

    it("deletes everything only where the stack's name is typed", async () => {
      const refused = await onStack("cache", "clear", "--everything", "another", "--yes");
      assert.equal(refused.code, 2);
      assert.equal(await redis("EXISTS", "e2e:stays"), "1");
      await mustOnStack("cache", "clear", "--everything", STACK);
      assert.equal(await redis("EXISTS", "e2e:stays"), "0");
    });
  });

  describe("logs (M55)", () => {
    it("shows only what is asked for: since when, and matching what", async () => {
      assert.equal((await fetch(`${URL_OF_STACK}/api/e2e-needle`)).status, 404);
      const { stdout } = await waitFor("the request's line", async () => {
        const found = await mustOnStack("logs", "nginx", "--since", "10m", "--grep", "e2e-[n]eedle");
        return found.stdout !== "" && found;
      });
      const lines = stdout.trim().split("\n");
      assert.ok(
        lines.every((line) => line.includes('"route":"/api/e2e-needle"')),
        stdout,
      );
      const future = new Date(Date.now() + 3_600_000).toISOString();
      assert.equal((await mustOnStack("logs", "nginx", "--since", future)).stdout, "");
    });

    it("shows lines of a task that is gone with its log, out of the archive, and none twice", async () => {
      // What each task of the backend writes once, when it starts.
      const LINE = "Listening at";
      const ofEngine = async (): Promise<number> =>
        (await logsOf("backend")).split("\n").filter((line) => line.includes(LINE)).length;
      const shown = async (): Promise<string[]> => {
        const { stdout } = await mustOnStack("logs", "backend", "--since", "30d", "--grep", LINE);
        return stdout.split("\n").filter((line) => line !== "");
      };
      const tasks = (await drained("backend")).length;
      const before = await ofEngine();
      await docker("service", "scale", "--detach", `${serviceName("backend")}=${tasks + 1}`);
      try {
        await waitFor("the line of one more task", async () => (await ofEngine()) === before + 1, 120);
        // The last seconds are left to the next run.
        await new Promise((next) => setTimeout(next, 12_000));
        const { stdout } = await mustOnStack("tasks", "run", "log-archive");
        assert.match(stdout, /log-archive: ok after .*: [1-9]\d* lines of \d services/);
      } finally {
        await docker("service", "scale", "--detach", `${serviceName("backend")}=${tasks}`);
      }
      const wanted = await shown();
      assert.ok(wanted.length > before, wanted.join("\n"));
      // Which of its tasks goes is the Swarm's choice, and what is left of that one's predecessors goes with it.
      await waitFor("the engine to forget it", async () => (await ofEngine()) <= before, 120);
      assert.deepEqual(await shown(), wanted);
      await drained("backend");
    });
  });

  describe("diagnose of the database (M34)", () => {
    after(async () => {
      await docker("service", "scale", "--detach", `${serviceName("db")}=1`);
      await asItWas();
    });

    it("names a transaction that somebody forgot to end", async () => {
      const found = await waitFor(
        "the leak",
        async () => failures(await diagnosed("db")).find(({ cause }) => cause === "connection-leak"),
        90,
      );
      assert.match(found.what, /idle in transaction, the oldest of role postgres \(PID \d+\) for \d+ min/);
      leak?.stdin?.end();
    });

    it("names the database when it is stopped, and goes on without it", async () => {
      await docker("service", "scale", "--detach", `${serviceName("db")}=0`);
      await waitFor("the database to be gone", async () => (await containersOf("db")).length === 0);
      const diagnosis = await diagnosed();
      assert.ok(named(failures(diagnosis)).includes("db: stopped"), named(failures(diagnosis)).join());
      assert.ok(diagnosis.findings.some(({ part, level }) => part === "database" && level === "unknown"));
      assert.ok(diagnosis.findings.some(({ part, level }) => part === "disk" && level !== "unknown"));
    });

    it("never showed a secret", async () => {
      assert.ok(printed.length > 1000);
      for (const name of ["secretKey", "appPassword", "redisPassword", "postgresPassword"]) {
        const secret = (await mustOnStack("secrets", "show", name)).stdout.trim();
        assert.ok(secret.length > 8 && !printed.includes(secret), name);
      }
    });
  });
});
