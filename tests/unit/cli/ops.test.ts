import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../cli/docker";
import { UserError } from "../../../cli/errors";
import { type OpsOptions, runInOps } from "../../../cli/ops";
import { formatRecord, formatTasks, runTaskNow, taskOverview } from "../../../cli/tasks";
import { TempFolders, withEnvironment, writeScript } from "../../support/temp";

/** A `docker` that writes down its calls and what it reads, and does what the test put into `exec-COMMAND.sh`. */
const FAKE = `#!/bin/sh
echo "$DOCKER_HOST|$*" >>"$FAKE/calls"
case "$1 $2" in
  "container ls")
    case "$*" in *service=restore*) cat "$FAKE/restore" ;; *) cat "$FAKE/ops" ;; esac ;;
  "service ls") cat "$FAKE/services" 2>/dev/null ;;
  "service inspect") cat "$FAKE/inspect" ;;
  "exec --interactive") shift 2; container=$1; shift 3; . "$FAKE/exec.sh" ;;
esac
`;

const INSPECT = JSON.stringify([
  { ID: "s1", Spec: { Name: "fitnesscrm-unit-ops", Labels: { "fitnesscrm.service": "ops" }, Mode: {} } },
]);

describe("a command in an operations container", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  async function use<T>(
    files: Record<string, string>,
    body: (docker: DockerHost) => Promise<T>,
  ): Promise<{ value: T; folder: string; calls: string[] }> {
    const folder = folders.create({ ops: "c2\nc1\n", restore: "r1\n", ...files });
    writeScript(join(folder, "bin"), "docker", FAKE);
    const value = await withEnvironment(
      { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
      () => body(new DockerHost("")),
    );
    return { value, folder, calls: readFileSync(join(folder, "calls"), "utf8").trimEnd().split("\n") };
  }

  const inOps = (script: string, options?: OpsOptions, args: string[] = ["backups"]) =>
    use({ "exec.sh": script }, (docker) => runInOps(docker, "unit", "ops", args, options));

  const refused = async (work: Promise<unknown>, message: string | RegExp, exitCode = 1): Promise<void> =>
    assert.rejects(work, (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      if (typeof message === "string") {
        assert.equal(error.message, message);
      } else {
        assert.match(error.message, message);
      }
      assert.equal(error.exitCode, exitCode);
      return true;
    });

  it("runs in the newest running container of the service, found by its labels", async () => {
    const { value, calls } = await inOps(`echo '[{"id": "a"}]'`, {}, ["backups", "--verbose"]);
    assert.deepEqual(value, [{ id: "a" }]);
    assert.deepEqual(calls, [
      "|container ls --quiet --no-trunc --filter label=fitnesscrm.stack=unit --filter label=fitnesscrm.service=ops --filter status=running",
      "|exec --interactive c2 node /opt/ops/main.js backups --verbose",
    ]);
  });

  it("gets its input on standard input, where nobody else can read it", async () => {
    const { value, calls } = await inOps(`printf '{"read": %s}' "$(cat)"`, { input: '"a secret"' }, ["load"]);
    assert.deepEqual(value, { read: "a secret" });
    assert.ok(!calls.join("\n").includes("secret"));
  });

  it("may end without reading its input, and without an answer", async () => {
    assert.equal((await inOps("exec 0<&-", { input: "x".repeat(1_000_000) })).value, undefined);
  });

  it("reports its progress line by line while it works", async () => {
    const lines: string[] = [];
    let release = (): void => {};
    const folder = folders.create();
    const work = inOps(
      `echo dumping >&2; while [ ! -e ${folder}/go ]; do sleep 0.02; done; echo "ops: half way" >&2; echo sent >&2; echo 1`,
      {
        onLine: (line) => {
          lines.push(line);
          release();
        },
      },
    );
    await new Promise<void>((done) => {
      release = done;
    });
    assert.deepEqual(lines, ["dumping"]);
    writeScript(folder, "go", "");
    assert.equal((await work).value, 1);
    assert.deepEqual(lines, ["dumping", "ops: half way", "sent"]);
  });

  it("gives its result line by line to whoever wants it so, and keeps nothing", async () => {
    const lines: string[] = [];
    const { value } = await inOps("echo one; echo two", { onOutput: (line) => lines.push(line) });
    assert.equal(value, undefined);
    assert.deepEqual(lines, ["one", "two"]);
    await refused(
      inOps("echo three; echo 'ops: broke off' >&2; exit 1", { onOutput: (line) => lines.push(line) }),
      "broke off",
    );
    assert.deepEqual(lines, ["one", "two", "three"]);
  });

  it("fails with its last line as the reason, which is not told twice", async () => {
    const lines: string[] = [];
    const onLine = (line: string): number => lines.push(line);
    await refused(
      inOps(`echo step >&2; echo "ops: backup is running since 2026-05-01" >&2; exit 1`, { onLine }),
      "backup is running since 2026-05-01",
    );
    assert.deepEqual(lines, ["step"]);
    await refused(inOps('echo "ops: --from x: must be local" >&2; exit 2'), "--from x: must be local", 2);
  });

  it("fails with the engine's reason, and with what an exit code alone says", async () => {
    await refused(
      inOps('echo "Error response from daemon: container c2 is restarting" >&2; exit 1'),
      "ops backups: container c2 is restarting",
    );
    await refused(inOps("exit 137"), /^ops backups: was killed: .* see .\/fitnesscrm logs ops --stack unit$/);
    await refused(inOps("exit 3"), "ops backups: exit code 3");
  });

  it("fails for an answer that is not JSON, without showing it", async () => {
    await refused(
      inOps("echo hunter2"),
      /^ops backups: answered with something that is not JSON: (?!.*hunter2)/,
    );
  });

  it("fails when the limit is over", async () => {
    await refused(
      inOps("exec sleep 30", { timeoutSeconds: 0.3 }),
      /^ops backups: no answer within 0.3 seconds: it may still be at work/,
    );
  });

  it("says so when the service does not run, or is not part of the stack", async () => {
    const files = { ops: "", services: "s1", inspect: INSPECT, restore: "" };
    await refused(
      use(files, (docker) => runInOps(docker, "unit", "ops", ["tasks"])),
      "service ops of stack unit does not run: ./fitnesscrm health --stack unit says why, ./fitnesscrm up --stack unit starts it",
    );
    await refused(
      use(files, (docker) => runInOps(docker, "unit", "restore", ["tasks"])),
      'service "restore" is not part of stack unit: must be one of ops',
      2,
    );
  });

  describe("for tasks", () => {
    const record = {
      task: "backup",
      scheduledFor: null,
      startedAt: "2026-05-01T06:00:00.000Z",
      endedAt: "2026-05-01T06:00:12.500Z",
      result: "ok" as const,
      reason: "12 MiB",
      by: "operator" as const,
      details: null,
    };
    const status = (name: string, service: "ops" | "restore", more: object = {}) => ({
      name,
      service,
      cron: "0 2 * * *",
      zone: "America/New_York",
      next: "2026-05-02T06:00:00.000Z",
      last: null,
      running: false,
      ...more,
    });

    it("shows those of both containers, in the stack's time", async () => {
      const backup = status("backup", "ops", { last: record });
      const drill = status("restore-drill", "restore", { running: true });
      const script = `if [ "$container" = r1 ]; then echo '[${JSON.stringify(drill)}]'; else echo '[${JSON.stringify(backup)}]'; fi`;
      const { value } = await use({ "exec.sh": script }, (docker) => taskOverview(docker, "unit"));
      assert.deepEqual(value, { tasks: [backup, drill], problems: [] });
      assert.equal(
        formatTasks(value.tasks),
        [
          "TASK           SERVICE  NEXT (America/New_York)  LAST              RESULT",
          "backup         ops      2026-05-02 02:00         2026-05-01 02:00  ok: 12 MiB",
          "restore-drill  restore  running                  never",
        ].join("\n"),
      );
    });

    it("shows those of one container when the other does not answer, and says so", async () => {
      const script = `[ "$container" = c2 ] && echo '[${JSON.stringify(status("backup", "ops"))}]' && exit; echo "ops: no" >&2; exit 1`;
      const { value } = await use({ "exec.sh": script }, (docker) => taskOverview(docker, "unit"));
      assert.deepEqual(
        value.tasks.map(({ name }) => name),
        ["backup"],
      );
      assert.deepEqual(value.problems, ["no"]);
    });

    it("runs one where it belongs, with its label, and gives its record", async () => {
      const script = `echo "backup: dumping" >&2; echo '${JSON.stringify(record)}'`;
      const { value, calls } = await use({ "exec.sh": script }, (docker) =>
        runTaskNow(docker, "unit", "backup", { label: "before upgrade" }),
      );
      assert.deepEqual(value, record);
      assert.equal(
        calls.at(-1),
        "|exec --interactive c2 node /opt/ops/main.js run backup --label before upgrade",
      );
      assert.equal(formatRecord(value), "backup: ok after 13 s: 12 MiB");
      const drill = await use({ "exec.sh": script }, (docker) =>
        runTaskNow(docker, "unit", "restore-drill", {}),
      );
      assert.equal(drill.calls.at(-1), "|exec --interactive r1 node /opt/ops/main.js run restore-drill");
    });

    it("fails for a run that failed, an unknown task, a label that nothing takes, and an odd answer", async () => {
      const run = (script: string, name = "backup", label?: string) =>
        use({ "exec.sh": script }, (docker) => runTaskNow(docker, "unit", name, { label }));
      const failed = JSON.stringify({ ...record, result: "failed", reason: "disk full" });
      await refused(run(`echo '${failed}'`), "backup: failed: disk full");
      await refused(run('echo "ops: disk full" >&2; exit 1'), "disk full");
      await refused(
        run("", "vacuum"),
        'task "vacuum" does not exist: must be one of backup, log-archive, report-morning, report-security, report-errors, report-tables, ' +
          "report-performance, restore-drill, maintenance-notice, maintenance-window, certificates",
        2,
      );
      await refused(run("", "restore-drill", "x"), /^--label: only a backup has a label/, 2);
      await refused(run("echo '{}'"), /^ops run: its answer is not what this checkout expects/);
    });
  });
});
