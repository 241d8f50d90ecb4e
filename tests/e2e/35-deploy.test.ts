import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AttemptRecord } from "../../attempt";
import { fitnesscrmHome } from "../../cli/context";
import { getDeployment } from "../../cli/deploy/deploymentRecord";
import { readAttempt } from "../../cli/deploy/record";
import { DockerHost } from "../../cli/docker";
import { loadDuring } from "../support/load";
import { addClient, api } from "./support/app";
import { containersOf, docker, drained, serviceName, sql } from "./support/docker";
import { killGroup, mustOnStack, onStack, STACK, startLauncher, URL_OF_STACK } from "./support/launcher";
import { checkoutFolder, ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

const engine = new DockerHost("");

async function attempt(): Promise<AttemptRecord> {
  const record = await readAttempt(engine, STACK);
  assert.ok(record !== undefined, "no attempt is recorded");
  return record;
}

/** Replaces a file of the deployed checkout until the end of `work`. */
async function withSource(
  file: string,
  edit: (text: string) => string,
  work: () => Promise<void>,
): Promise<void> {
  const path = join(checkoutFolder(), file);
  const before = readFileSync(path, "utf8");
  const after = edit(before);
  assert.notEqual(after, before, `nothing of ${file} was changed`);
  writeFileSync(path, after);
  try {
    await work();
  } finally {
    writeFileSync(path, before);
  }
}

const APP = "backend/app.py";

/** The release's own route for the tests, which answers with a name. */
const release = (name: string) => (text: string) =>
  `${text}\n\n@app.get("/api/release-name")\ndef release_name():\n    return jsonify(name="${name}")\n`;

async function liveName(): Promise<string | undefined> {
  const { status, json } = await api("/api/release-name");
  return status === 200 ? (json as { name: string }).name : undefined;
}

interface Backup {
  id: string;
  createdAt: string;
  label: string | null;
  verifiedAt: string | null;
}

async function backups(): Promise<Backup[]> {
  return JSON.parse((await mustOnStack("backups", "--json")).stdout) as Backup[];
}

const WAITING =
  "select count(*) from pg_stat_activity where usename = 'fitnesscrm_backup' and wait_event_type = 'Lock'";

/** Process ids of the commands by which a gate of this stack asks for its backup; other stacks are tested beside it. */
async function backupsAskedFor(): Promise<string[]> {
  const [ops = "ops"] = await containersOf("ops");
  const processes = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" });
  return [...processes.matchAll(/^\s*(\d+) docker exec .* run backup --label before-/gm)]
    .filter(([line]) => line.includes(` ${ops}`))
    .map(([, id = ""]) => id);
}

/** Keeps a table locked, as a migration does, until it is released. */
async function locked(table: string): Promise<{ release(): Promise<void> }> {
  const [db = ""] = await containersOf("db");
  const psql = ["exec", "-i", "--user", "postgres", db, "psql", "-d", "fitnesscrm", "-AtqX"];
  const session = spawn("docker", psql, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(session, "close");
  session.stdin.write(`BEGIN; LOCK TABLE ${table}; SELECT 'held';\n`);
  await once(session.stdout, "data");
  return {
    release: async () => {
      session.stdin.end();
      await ended;
    },
  };
}

describe("a deployment's gates (M16, M18)", function () {
  this.timeout(900_000);

  before(async () => {
    await ensureStack();
    // One task is replaced sooner than two; 45-rolling is about several.
    await mustOnStack("up", "--set", "deploy.watchSeconds=2", "--set", "replicas.backend=1");
  });

  it("do not run when nothing changes, and a preview of it is empty", async () => {
    const before = await attempt();
    const count = (await backups()).length;
    await mustOnStack("up");
    assert.deepEqual(await attempt(), before);
    assert.equal((await backups()).length, count);
    await mustOnStack("preview", "--expect-no-changes");
  });

  it("save a backup with the attempt's label before any service changes, and name it in the release", async () => {
    const [ops, restore] = [await containersOf("ops"), await containersOf("restore")];
    await withSource(APP, release("first"), async () => {
      await mustOnStack("up");
      assert.deepEqual(await containersOf("ops"), ops, "a backup that ran went on");
      assert.deepEqual(await containersOf("restore"), restore);
      assert.equal(await liveName(), "first");
      const record = await attempt();
      assert.equal(record.stage, "verified");
      const made = (await backups()).find(({ label }) => label === `before-${record.attempt}`);
      assert.equal(made?.id, record.backup);
      const outputs = JSON.parse(
        (await mustOnStack("pulumi", "stack", "output", "release")).stdout,
      ) as Record<string, unknown>;
      assert.equal(outputs.attempt, record.attempt);
      assert.equal(outputs.backup, record.backup);
      assert.equal(outputs.by, record.by);
      await mustOnStack("preview", "--refresh", "--expect-no-changes");
    });
  });

  it("wait for a backup that a locked table holds up and make their own; one by hand while the backend is replaced is verified", async () => {
    await sql("create table if not exists being_changed (id int)");
    const lock = await locked("being_changed");
    try {
      const held = startLauncher(["backup", "--stack", STACK, "--label", "held-up", "--json"]);
      await waitFor("the backup to wait for the table", async () => (await sql(WAITING)) !== "0");
      await withSource(APP, release("while-saving"), async () => {
        const update = startLauncher(["up", "--stack", STACK]);
        try {
          const asked = new Set<string>();
          await waitFor(
            "the gate to be refused, and to ask again",
            async () => {
              for (const id of await backupsAskedFor()) asked.add(id);
              return asked.size > 1;
            },
            120,
          );
          assert.equal((await api("/api/health")).status, 200, "users are served meanwhile");
          await lock.release();
          assert.equal((await held.result).code, 0, held.output());
          await waitFor(
            "the backend to be replaced",
            async () => (await updateState("backend")) === "updating",
            120,
          );
          const during = await mustOnStack("backup", "--label", "during-the-update", "--json");
          assert.equal((JSON.parse(during.stdout) as { result: string }).result, "ok");
        } finally {
          // What ends this test must not meet an update in the next one.
          await lock.release();
          await update.result;
        }
        assert.equal((await update.result).code, 0, update.output());
        assert.equal(await liveName(), "while-saving");
      });
    } finally {
      await lock.release();
      await sql("drop table being_changed");
    }
    const record = await attempt();
    assert.match(
      record.before.notes.join("\n") ?? "",
      /^backup: another one is under way since \S+, waiting/m,
    );
    const made = await backups();
    const labelled = (label: string) => made.find((one) => one.label === label);
    const own = labelled(`before-${record.attempt}`);
    assert.equal(own?.id, record.backup);
    assert.ok((own?.createdAt ?? "") > (labelled("held-up")?.createdAt ?? "~"), "its own is the later one");
    assert.ok((labelled("during-the-update")?.createdAt ?? "") > (own?.createdAt ?? "~"));
    assert.deepEqual(
      made.filter(({ verifiedAt }) => verifiedAt === null),
      [],
    );
    const [ops = ""] = await containersOf("ops");
    assert.doesNotMatch(await docker("exec", ops, "ls", "-A", "/backups"), /partial/);
  });

  it("leave a record of the deployment in the bucket: what changed, by whom, gates and their notes (M56)", async () => {
    const { attempt: id } = await attempt();
    const deployed = await getDeployment(engine, STACK, id);
    assert.equal(deployed?.result, "succeeded");
    assert.deepEqual(
      deployed?.changes.map(({ service }) => service),
      ["backend"],
    );
    assert.deepEqual(
      deployed?.gates.map(({ name, result }) => [name, result]),
      [
        ["before", "passed"],
        ["after", "passed"],
      ],
    );
    assert.match(deployed?.gates[1]?.notes.join("\n") ?? "", /endpoints: \/, \/api\/health answer/);
  });

  it("refuse to deploy onto a stack that is unwell, name the reason, and change nothing", async () => {
    const before = await attempt();
    const image = await imageOf("backend");
    await docker("service", "scale", "--detach", `${serviceName("frontend")}=0`);
    try {
      await waitFor("the frontend to be gone", async () => (await containersOf("frontend")).length === 0);
      await withSource(APP, release("unwell"), async () => {
        // Plain pulumi: the launcher's own `up` would start the frontend first.
        const { code, stdout, stderr } = await onStack(
          "pulumi",
          "up",
          "--yes",
          "--skip-preview",
          "--non-interactive",
        );
        assert.notEqual(code, 0);
        assert.match(
          stdout + stderr,
          /gate before: the stack is not healthy, and nothing was changed: .*frontend: stopped \(0 tasks wanted\)/,
        );
      });
      assert.equal(await imageOf("backend"), image);
      assert.deepEqual(await attempt(), before);
    } finally {
      await mustOnStack("up");
    }
  });

  it("refuse to deploy when no backup can be made, unless a reason is given, which is recorded", async () => {
    await docker("service", "scale", "--detach", `${serviceName("ops")}=0`);
    await waitFor("ops to be gone", async () => (await containersOf("ops")).length === 0);
    await withSource(APP, release("despite"), async () => {
      const update = ["up", "--yes", "--skip-preview", "--non-interactive"];
      const refused = await onStack("pulumi", ...update);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stdout + refused.stderr, /gate before: the stack is not healthy.*ops: stopped/);
      const forced = await mustOnStack("up", "--despite", "ops is what this deployment repairs");
      assert.equal(forced.code, 0);
      assert.equal((await attempt()).despite, "ops is what this deployment repairs");
    });
    await mustOnStack("up");
  });
});

async function imageOf(service: string): Promise<string> {
  return docker(
    "service",
    "inspect",
    "--format",
    "{{.Spec.TaskTemplate.ContainerSpec.Image}}",
    serviceName(service),
  );
}

describe("releases that fail", function () {
  this.timeout(900_000);

  before(ensureStack);

  it("never healthy: the update fails with the reason, the old release serves throughout and is named", async () => {
    const image = await imageOf("backend");
    const { failed, failures } = await loadDuring({ url: URL_OF_STACK, rate: 20 }, () =>
      withSource(
        APP,
        (text) => text.replace(/^@app\.get\("\/api\/health"\)$/m, '@app.get("/api/not-health")'),
        async () => {
          const { code, stderr } = await onStack("up");
          assert.equal(code, 1);
          assert.match(stderr, /fitnesscrm: up: .*backend/);
          assert.match(stderr, /the release before \(.*\) serves/);
        },
      ),
    );
    assert.equal(failed, 0, failures.join("\n"));
    assert.equal(await imageOf("backend"), image);
    const record = await attempt();
    assert.equal(record.stage, "started");
    assert.equal((await getDeployment(engine, STACK, record.attempt))?.result, "failed");
  });

  it("the retry after a failure runs the gates again, and puts everything right", async () => {
    const failed = await attempt();
    await mustOnStack("up");
    const now = await attempt();
    assert.notEqual(now.attempt, failed.attempt);
    assert.equal(now.stage, "verified");
    assert.ok((await backups()).some(({ label }) => label === `before-${now.attempt}`));
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("healthy, but a critical endpoint fails: the verification says which, and what serves now", async () => {
    await withSource(APP, release("good"), async () => {
      await mustOnStack("up", "--set", 'deploy.endpoints=["/","/api/health","/api/release-name"]');
    });
    await withSource(
      APP,
      (text) =>
        `${release("bad")(text)}\n\n@app.before_request\ndef broken():\n    if request.path == "/api/release-name":\n        return failure(500, "broken on purpose")\n`,
      async () => {
        const { code, stderr } = await onStack("up");
        assert.equal(code, 1);
        assert.match(
          stderr,
          new RegExp(
            `gate after: critical endpoint ${URL_OF_STACK}/api/release-name answers 500, 2xx or 3xx is expected: .*broken on purpose`,
          ),
        );
        assert.match(
          stderr,
          new RegExp(`backend of this attempt \\(\\S+\\) serves: \\./fitnesscrm rollback --stack ${STACK}`),
        );
        const record = await attempt();
        assert.equal((await getDeployment(engine, STACK, record.attempt))?.result, "failed");
      },
    );
    await mustOnStack("up", "--set", "deploy.endpoints=null");
  });

  it("healthy, but its first logs are full of errors: the verification quotes one", async () => {
    await withSource(
      APP,
      (text) => `${text}\n\nfor _ in range(20):\n    log.error("cannot reach the payment service")\n`,
      async () => {
        const { code, stderr } = await onStack("up");
        assert.equal(code, 1);
        assert.match(
          stderr,
          /gate after: the first logs report \d+ errors, 5 are allowed .*backend: .*cannot reach the payment service/,
        );
      },
    );
    await mustOnStack("up");
  });

  it("crashing after a while: health names it, and the next deployment repairs it without being refused", async () => {
    await withSource(
      APP,
      (text) => `${text}\n\nimport threading\nthreading.Timer(60, lambda: os._exit(3)).start()\n`,
      async () => {
        await mustOnStack("up");
        const unwell = await waitFor(
          "health to name the backend",
          async () => {
            const { code, stdout } = await onStack("health");
            return code === 1 && /FAIL\s+backend/.test(stdout) && stdout;
          },
          120,
        );
        assert.match(unwell, /FAIL\s+backend\s+0 of 1 tasks healthy/);
      },
    );
    await mustOnStack("up", "--despite", "the release before crashes");
    assert.equal((await onStack("health")).code, 0);
  });
});

describe("migrations (M17)", function () {
  this.timeout(900_000);

  before(ensureStack);

  after(async () => {
    await mustOnStack("up", "--set", "app.migrate=null");
  });

  const migrate = (statement: string): string =>
    `app.migrate=${JSON.stringify([
      "python3",
      "-c",
      `import os, psycopg2; c = psycopg2.connect(os.environ["DATABASE_URL"]); c.autocommit = True; c.cursor().execute("${statement}"); print("migrated")`,
    ])}`;

  it("run once in the new image, before a task of the new release starts", async () => {
    await sql("drop table if exists migration_runs");
    await withSource(APP, release("migrated"), async () => {
      await mustOnStack(
        "up",
        "--set",
        migrate(
          "create table if not exists migration_runs (at timestamptz default now()); insert into migration_runs default values",
        ),
      );
      assert.equal(await sql("select count(*) from migration_runs"), "1");
      const started = await docker(
        "inspect",
        "--format",
        "{{.State.StartedAt}}",
        ...(await drained("backend")),
      );
      const ran = await sql(
        "select to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') from migration_runs",
      );
      for (const at of started.split("\n")) {
        assert.ok(at > ran, `a task started at ${at}, the migration ran at ${ran}`);
      }
      const left = await docker(
        "container",
        "ls",
        "--all",
        "--quiet",
        "--filter",
        `label=fitnesscrm.job=${serviceName("migrate")}`,
      );
      assert.equal(left, "", "nothing of the job is left");
    });
  });

  it("that fail stop the deployment with their reason, and the release before serves", async () => {
    const image = await imageOf("backend");
    await withSource(APP, release("unmigrated"), async () => {
      const { code, stderr } = await onStack(
        "up",
        "--set",
        migrate("alter table no_such_table add column x int"),
      );
      assert.equal(code, 1);
      assert.match(
        stderr,
        /gate migrate: the migration failed, and no service was changed: .*relation "no_such_table" does not exist/s,
      );
      assert.match(stderr, /the release before \(.*\) serves/);
    });
    assert.equal(await imageOf("backend"), image);
    assert.equal((await api("/api/health")).status, 200);
  });
});

describe("an update that is cut off", function () {
  this.timeout(900_000);

  before(ensureStack);

  const stages: readonly (readonly [what: string, reached: () => Promise<boolean>])[] = [
    ["in the gate before", async () => runs("gate before")],
    ["while a service is replaced", async () => (await updateState("backend")) === "updating"],
    ["in the verification", async () => runs("gate after")],
  ];
  for (const [index, [what, reached]] of stages.entries()) {
    it(`${what}: what ran before serves, and the next up finishes it`, async () => {
      await addClient(`Cut Off ${index}`);
      await withSource(APP, release(`cut-${index}`), async () => {
        const running = startLauncher(["up", "--stack", STACK]);
        await waitFor(what, reached, 120);
        killGroup(running.process);
        await running.result;
        assert.equal((await api("/api/health")).status, 200);
        await mustOnStack("up");
        assert.equal(await liveName(), `cut-${index}`);
        assert.equal((await attempt()).stage, "verified");
        await mustOnStack("preview", "--refresh", "--expect-no-changes");
      });
      assert.equal(await sql(`select count(*) from clients where name = 'Cut Off ${index}'`), "1");
    });
  }

  it("two people at once: the second is told who deploys", async () => {
    await withSource(APP, release("two"), async () => {
      const first = startLauncher(["up", "--stack", STACK]);
      await waitFor("the first update to begin", async () => first.output().includes("pulumi up"), 90);
      const { code, stdout, stderr } = await onStack(
        "pulumi",
        "up",
        "--yes",
        "--skip-preview",
        "--non-interactive",
      );
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, /the stack is currently locked by 1 lock/);
      assert.equal((await first.result).code, 0);
      assert.equal(await liveName(), "two");
    });
  });
});

describe("a state file that was cut short", function () {
  this.timeout(900_000);

  before(ensureStack);

  it("is named by every command, and put back from the history by the next up", async () => {
    await addClient("Stella State");
    const file = join(fitnesscrmHome(), "state", ".pulumi", "stacks", "fitnesscrm", `${STACK}.json`);
    truncateSync(file, 1000);
    const refused = await onStack("preview");
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      new RegExp(
        `the state's file of stack ${STACK} is damaged .*: \\./fitnesscrm up --stack ${STACK} puts it back`,
      ),
    );
    const { stderr } = await mustOnStack("up");
    assert.match(stderr, /recovery .*it is again the state of \S+ \(the end of an update/);
    assert.equal(await sql("select count(*) from clients where name = 'Stella State'"), "1");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });
});

/** Whether a gate's own process is at work. */
function runs(gate: string): boolean {
  const processes = execFileSync("ps", ["-eo", "args="], { encoding: "utf8" });
  return processes.split("\n").some((line) => line.endsWith(`cli/main.ts ${gate}`));
}

async function updateState(service: string): Promise<string> {
  return docker("service", "inspect", "--format", "{{.UpdateStatus.State}}", serviceName(service));
}
