import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { alarmName } from "../../alarmCatalogue";
import { stackContext } from "../../cli/context";
import type { ChainResult } from "../../cli/drills/chain";
import { Mailbox } from "../../cli/drills/mailbox";
import type { Page } from "../../cli/drills/pages";
import { loadDuring } from "../support/load";
import { untilNoAlarm } from "./support/alarms";
import { containersOf, docker, drained, serviceName } from "./support/docker";
import {
  killGroup,
  launch,
  mustOnStack,
  onStack,
  PORTS,
  type RunningLauncher,
  STACK,
  startLauncher,
  URL_OF_STACK,
} from "./support/launcher";
import { ensureStack, leaveStack } from "./support/stack";
import { waitFor } from "./support/wait";

/** The alarm on CPU is on while the tests beside this one work: 48-drills is alone on the machine. */
const BUSY = ["cpu"];

/** Three evaluations and the way of a mail: what a fault of a moment could still cause has arrived by then. */
const AFTERMATH_SECONDS = 40;

/** Starts a drill and says when its cause holds on the engine. */
async function startDrill(name: string, holds: () => Promise<boolean>): Promise<RunningLauncher> {
  const running = startLauncher(["drill", name, "--json", "--stack", STACK]);
  try {
    await waitFor(`the cause of drill ${name}`, holds, 120);
  } catch (error) {
    killGroup(running.process);
    throw new Error(`${String(error)}\n${running.output()}`);
  }
  return running;
}

const backendIsStopped = async (): Promise<boolean> =>
  (await docker(
    ...["service", "inspect", "--format", "{{.Spec.Mode.Replicated.Replicas}}"],
    serviceName("backend"),
  )) === "0";

const diskIsFilled = async (): Promise<boolean> =>
  (await docker("container", "ls", "--quiet", "--filter", `name=${serviceName("drill-disk")}`)) !== "";

async function replicasOfBackend(): Promise<number> {
  return (await drained("backend")).length;
}

/** Everything that a drill makes or changes on the engine. */
async function tracesOfDrills(): Promise<string[]> {
  const filters = ["--filter", `label=fitnesscrm.stack=${STACK}`, "--filter", "label=fitnesscrm.drill"];
  const containers = await docker("container", "ls", "--all", "--quiet", ...filters);
  const services = await docker("service", "ls", "--quiet", ...filters);
  const stopped = await docker("service", "ls", "--quiet", "--filter", "label=fitnesscrm.drill.had");
  return [containers, services, stopped]
    .join("\n")
    .split("\n")
    .filter((id) => id !== "");
}

/** Pages that arrived since a moment, but for those of a machine that is busy with the tests themselves. */
async function pagesSince(since: Date): Promise<Page[]> {
  const pages = await new Mailbox(`http://127.0.0.1:${PORTS.mailbox}`, since).pages();
  return pages.filter(
    ({ alarm, state, changedAt }) =>
      state === "ALARM" && changedAt >= since && !alarm.startsWith(alarmName(STACK, "cpu")),
  );
}

/** No alarm went off because of `work`, nor soon after it. */
async function pagesNobody(work: () => Promise<void>): Promise<void> {
  const since = new Date();
  await work();
  await sleep(AFTERMATH_SECONDS * 1000);
  const pages = await pagesSince(since);
  assert.deepEqual(
    pages.map(({ alarm, to }) => `${alarm} to ${to}`),
    [],
  );
}

describe("pages and their chain, by real fires (M8, M57 to M61)", function () {
  this.timeout(900_000);

  before(async () => {
    await ensureStack();
    await mustOnStack("up");
    await untilNoAlarm(BUSY);
  });

  after(leaveStack);

  afterEach(async () => {
    assert.deepEqual(await tracesOfDrills(), [], "a drill left something");
  });

  it("goes up the chain in order while nobody responds, to the CEO for P0 only, and not once it is acknowledged", async () => {
    await untilNoAlarm(BUSY);
    const { stdout, stderr } = await onStack("drill", "escalation", "--json");
    const { pages, faults } = JSON.parse(stdout) as ChainResult;
    assert.deepEqual(faults, [], stderr);
    const stepsOf = (name: string): string[] =>
      pages.filter(({ alarm }) => alarm === name).map(({ to }) => to);
    assert.deepEqual(stepsOf("service-down"), ["manager@example.com", "cto@example.com", "ceo@example.com"]);
    assert.deepEqual(stepsOf("disk"), ["manager@example.com", "cto@example.com"]);
    assert.deepEqual(stepsOf("memory"), []);
  });

  it("refuses to drill a stack that is not marked as one for drills", async () => {
    const home = mkdtempSync(join(tmpdir(), "fitnesscrm-unmarked-"));
    try {
      const { configFile, home: real } = stackContext(STACK);
      const copy = configFile.replace(real, home);
      mkdirSync(dirname(copy), { recursive: true });
      cpSync(configFile, copy);
      const marked = readFileSync(copy, "utf8");
      writeFileSync(copy, marked.replace(/fitnesscrm:drills: .*/, "fitnesscrm:drills: false"));
      assert.notEqual(readFileSync(copy, "utf8"), marked);
      for (const name of ["all", "service-down", "escalation"]) {
        const { code, stderr } = await launch(["drill", name, "--stack", STACK], {
          env: { FITNESSCRM_HOME: home },
        });
        assert.equal(code, 2);
        assert.match(
          stderr,
          /^fitnesscrm: drill [a-z-]+: stack [a-z0-9-]+ is not marked as one for fire drills.*\n$/,
        );
      }
      assert.equal(await replicasOfBackend(), (await containersOf("backend")).length);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  it("removes its cause when it is interrupted", async () => {
    await untilNoAlarm(BUSY);
    const before = await replicasOfBackend();
    const running = await startDrill("service-down", backendIsStopped);
    running.process.kill("SIGINT");
    const { code, stderr } = await running.result;
    assert.equal(code, 1);
    assert.match(stderr, /fitnesscrm: drill service-down: interrupted: its causes were removed\n$/);
    assert.equal(await replicasOfBackend(), before);
  });

  it("removes what a drill left that was killed", async () => {
    await untilNoAlarm(BUSY);
    const killed = await startDrill("disk", diskIsFilled);
    killGroup(killed.process);
    await killed.result;
    assert.equal(await diskIsFilled(), true, "the kill took the cause along");
    const { code, stderr } = await onStack("drill", "oom", "--json");
    assert.match(stderr, /^Removed what an earlier drill left: disk$/m);
    assert.equal(code, 0, stderr);
    assert.equal(await diskIsFilled(), false);
  });

  it("pages nobody during a rolling deployment under load, nor when the agent is restarted", async () => {
    await untilNoAlarm(BUSY);
    await pagesNobody(async () => {
      const { sent, failures } = await loadDuring({ url: URL_OF_STACK, rate: 50 }, async () => {
        await mustOnStack("restart", "backend");
        await mustOnStack("restart", "agent");
      });
      assert.deepEqual(failures, []);
      assert.ok(sent > 100, `only ${sent} requests were sent`);
    });
  });
});
