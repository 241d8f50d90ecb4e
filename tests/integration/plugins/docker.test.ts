/**
 * The docker plugin against this machine's engine, which has to be a Swarm manager. `CONFORMANCE_IMAGE` names an image
 * with `sleep` and `sh`; without it the first one labelled `fitnesscrm.role=base` is taken.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as docker from "@pulumi/docker";
import { conformance, type Suite } from "./harness";

const PREFIX = "conf-docker";
const plugins = ["docker"];

const run = (...args: string[]): string => execFileSync("docker", args, { encoding: "utf8" }).trim();

let image = "";
function findImage(): void {
  const labelled = run(
    "image",
    "ls",
    "--filter",
    "label=fitnesscrm.role=base",
    "--format",
    "{{.Repository}}:{{.Tag}}",
  );
  image = process.env.CONFORMANCE_IMAGE ?? labelled.split("\n")[0] ?? "";
  assert.ok(
    image,
    "no image to test with: set CONFORMANCE_IMAGE, or run ./fitnesscrm up once, which makes the base image",
  );
}

/** What the engine still has of the suite, by kind. */
function left(): string[] {
  return ["service", "network", "volume", "secret", "config"].flatMap((kind) =>
    run(kind, "ls", "--format", "{{.Name}}")
      .split("\n")
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => `${kind} ${name}`),
  );
}

const nothingLeft: Suite["gone"] = async () => assert.deepEqual(left(), []);

/** Removes what an earlier run, killed in the middle, may have left. */
function sweep(): void {
  for (const line of left()) {
    const [kind = "", name = ""] = line.split(" ");
    run(kind, "rm", name);
  }
}

const labels = (...names: string[]) => names.map((label) => ({ label, value: "yes" }));
const base64 = (text: string): string => Buffer.from(text).toString("base64");

conformance({
  title: "docker.Volume",
  plugins,
  before: async () => sweep(),
  gone: nothingLeft,
  steps: [
    {
      name: "is made with its name, driver and mountpoint as outputs",
      program: async () => {
        const volume = new docker.Volume("v", { name: `${PREFIX}-v`, labels: labels("a", "b") });
        return { mountpoint: volume.mountpoint };
      },
      expect: { v: "create" },
      check: ({ outputs, state }) => {
        const { id, outputs: found } = state("v");
        assert.equal(id, `${PREFIX}-v`);
        assert.equal(found.driver, "local");
        assert.equal(outputs.mountpoint, found.mountpoint);
        assert.equal(run("volume", "inspect", "-f", "{{.Labels.a}}", id), "yes");
      },
    },
    {
      name: "does not care for the order of its labels",
      program: async () => void new docker.Volume("v", { name: `${PREFIX}-v`, labels: labels("b", "a") }),
      expect: { v: "same" },
    },
    {
      name: "is replaced when a label changes, the old one first because it keeps its name",
      program: async () => void new docker.Volume("v", { name: `${PREFIX}-v`, labels: labels("b", "c") }),
      expect: { v: { replace: ["labels"], paths: ["labels[1].label"], deleteFirst: true } },
    },
    {
      name: "is made again when somebody removed it",
      drift: async () => void run("volume", "rm", `${PREFIX}-v`),
      drifted: { v: "delete" },
      expect: { v: "create" },
    },
    {
      name: "gets a name of its own when the program gives none, and keeps it",
      program: async () => void new docker.Volume(`${PREFIX}-auto`, {}),
      expect: { v: "delete", [`${PREFIX}-auto`]: "create" },
      check: ({ state }) =>
        assert.match(state(`${PREFIX}-auto`).id, new RegExp(`^${PREFIX}-auto-[0-9a-f]{7}$`)),
    },
    {
      name: "is replaced under a new name, the new one first, when the name was not the program's",
      program: async () => void new docker.Volume(`${PREFIX}-auto`, { labels: labels("a") }),
      expect: { [`${PREFIX}-auto`]: { replace: ["labels"], paths: ["labels"], deleteFirst: false } },
    },
  ],
});

conformance({
  title: "docker.Network",
  plugins,
  before: async () => sweep(),
  gone: nothingLeft,
  steps: [
    {
      name: "is made as an overlay with its scope as an output",
      program: async () =>
        void new docker.Network("n", {
          name: `${PREFIX}-n`,
          driver: "overlay",
          attachable: true,
          labels: labels("a"),
        }),
      expect: { n: "create" },
      check: ({ state }) => {
        const { outputs } = state("n");
        assert.equal(outputs.scope, "swarm");
        assert.equal(outputs.internal, false);
        assert.equal(outputs.ipamDriver, "default");
      },
    },
    {
      name: "is replaced when it becomes internal",
      program: async () =>
        void new docker.Network("n", {
          name: `${PREFIX}-n`,
          driver: "overlay",
          internal: true,
          labels: labels("a"),
        }),
      expect: {
        n: { replace: ["attachable", "internal"], paths: ["attachable", "internal"], deleteFirst: true },
      },
    },
    {
      name: "is made again when somebody removed it",
      drift: async () => void run("network", "rm", `${PREFIX}-n`),
      drifted: { n: "delete" },
      expect: { n: "create" },
    },
  ],
});

conformance({
  title: "docker.Secret and docker.ServiceConfig",
  plugins,
  before: async () => sweep(),
  gone: nothingLeft,
  secrets: [
    "a very secret text",
    "another secret text",
    base64("a very secret text"),
    base64("another secret text"),
  ],
  steps: [
    {
      name: "are made, the secret's data a secret in the state",
      program: async () => {
        new docker.Secret(`${PREFIX}-s`, { data: base64("a very secret text"), labels: labels("a") });
        new docker.ServiceConfig(`${PREFIX}-c`, { data: base64("plain") });
        new docker.ServiceConfig(`${PREFIX}-r`, { dataRaw: "raw text" });
      },
      expect: { [`${PREFIX}-s`]: "create", [`${PREFIX}-c`]: "create", [`${PREFIX}-r`]: "create" },
      check: ({ state }) => {
        assert.equal(state(`${PREFIX}-s`).outputs.data, base64("a very secret text"));
        const name = String(state(`${PREFIX}-r`).outputs.name);
        const found = JSON.parse(run("config", "inspect", name)) as { Spec: { Data: string } }[];
        assert.equal(found[0]?.Spec.Data, base64("raw text"));
      },
    },
    {
      name: "are replaced by new ones under new names when their data changes",
      program: async () => {
        new docker.Secret(`${PREFIX}-s`, { data: base64("another secret text"), labels: labels("a") });
        new docker.ServiceConfig(`${PREFIX}-c`, { data: base64("plainer") });
        new docker.ServiceConfig(`${PREFIX}-r`, { dataRaw: "raw text" });
      },
      expect: {
        [`${PREFIX}-s`]: { replace: ["data"], paths: ["data"], deleteFirst: false },
        [`${PREFIX}-c`]: { replace: ["data"], paths: ["data"], deleteFirst: false },
        [`${PREFIX}-r`]: "same",
      },
    },
    {
      name: "are refused when the data is not base64",
      program: async () => {
        new docker.Secret(`${PREFIX}-s`, { data: base64("another secret text"), labels: labels("a") });
        new docker.ServiceConfig(`${PREFIX}-c`, { data: "not base64!" });
        new docker.ServiceConfig(`${PREFIX}-r`, { dataRaw: "raw text" });
      },
      expect: {},
      refused: /data.*is not base64/s,
    },
  ],
});

/** The arguments of a small service; `change` sees and may alter them. */
function small(change: (args: docker.ServiceArgs, spec: Spec) => void = () => undefined): docker.ServiceArgs {
  const spec: Spec = {
    image,
    commands: ["sleep", "infinity"],
    env: { B: "2", A: "1" },
    labels: labels("inner"),
    stopGracePeriod: "1s",
    healthcheck: { tests: ["CMD", "true"], interval: "1s", timeout: "5s", retries: 2, startPeriod: "1s" },
    capDrops: ["CAP_NET_RAW"],
  };
  const args: docker.ServiceArgs = {
    name: `${PREFIX}-svc`,
    labels: labels("outer"),
    taskSpec: {
      containerSpec: spec,
      placement: { constraints: ["node.role==manager"] },
      resources: { limits: { memoryBytes: 64 * 1024 * 1024, nanoCpus: 500_000_000 } },
      restartPolicy: { condition: "any", delay: "1s", maxAttempts: 0, window: "0s" },
      logDriver: { name: "json-file", options: { "max-size": "1m", "max-file": "2" } },
    },
    mode: { replicated: { replicas: 1 } },
    endpointSpec: { mode: "dnsrr" },
    updateConfig: {
      parallelism: 1,
      order: "start-first",
      failureAction: "rollback",
      monitor: "3s",
      delay: "0s",
    },
    rollbackConfig: { order: "stop-first", monitor: "1s" },
    convergeConfig: { delay: "1s", timeout: "1m" },
  };
  change(args, spec);
  return args;
}

/**
 * A program with the service alone. The volume stays declared: containers of former tasks, which the engine keeps for a
 * while, hold it until the service itself goes.
 */
const alone = (change?: (args: docker.ServiceArgs, spec: Spec) => void) => async (): Promise<void> => {
  new docker.Volume("vol", { name: `${PREFIX}-vol` });
  new docker.Service("svc", small(change));
};

type Spec = {
  -readonly [K in keyof docker.types.input.ServiceTaskSpecContainerSpec]: docker.types.input.ServiceTaskSpecContainerSpec[K];
};

const container = "taskSpec.containerSpec";

conformance({
  title: "docker.Service",
  plugins,
  stepTimeout: 240_000,
  before: async () => {
    findImage();
    sweep();
  },
  gone: nothingLeft,
  steps: [
    {
      name: "runs with its network, volume, secret and config",
      program: async () => withParts("first"),
      expect: {
        net: "create",
        vol: "create",
        [`${PREFIX}-sec`]: "create",
        [`${PREFIX}-conf`]: "create",
        svc: "create",
      },
      check: ({ state }) => {
        const { outputs } = state("svc");
        assert.equal((outputs.endpointSpec as { mode: string }).mode, "dnsrr");
        assert.equal((outputs.mode as { replicated: { replicas: number } }).replicated.replicas, 1);
        assert.equal(exec("cat", "/run/secrets/password"), "first");
        assert.equal(exec("stat", "-c", "%a %u", "/run/secrets/password"), "400 1000");
        assert.equal(exec("cat", "/etc/conf"), "first");
        assert.equal(exec("printenv", "A"), "1");
      },
    },
    {
      name: "takes a new secret and config while it stays the same service",
      program: async () => withParts("second"),
      expect: {
        net: "same",
        vol: "same",
        [`${PREFIX}-sec`]: { replace: ["data"], deleteFirst: false },
        [`${PREFIX}-conf`]: { replace: ["data"], deleteFirst: false },
        svc: {
          update: [
            `${container}.configs[0].configId`,
            `${container}.configs[0].configName`,
            `${container}.secrets[0].secretId`,
            `${container}.secrets[0].secretName`,
          ],
        },
      },
      check: () => assert.equal(exec("cat", "/run/secrets/password"), "second"),
    },
    {
      name: "drops its parts, gets an environment and replicas in place",
      program: alone((args, spec) => {
        spec.env = { A: "1", C: "3" };
        args.mode = { replicated: { replicas: 2 } };
        args.labels = [...labels("outer"), { label: "more", value: "yes" }];
      }),
      expect: {
        net: "delete",
        vol: "same",
        [`${PREFIX}-sec`]: "delete",
        [`${PREFIX}-conf`]: "delete",
        svc: {
          update: [
            "labels[1]",
            "mode.replicated.replicas",
            "taskSpec.networksAdvanceds",
            `${container}.configs`,
            `${container}.env.B`,
            `${container}.env.C`,
            `${container}.mounts`,
            `${container}.secrets`,
          ],
        },
      },
      check: () => {
        assert.equal(
          run("service", "inspect", "-f", "{{.Spec.Mode.Replicated.Replicas}}", `${PREFIX}-svc`),
          "2",
        );
      },
    },
    {
      name: "notices that somebody scaled it, and scales it back",
      drift: async () => void run("service", "scale", "--detach", `${PREFIX}-svc=1`),
      drifted: { svc: { update: ["mode.replicated.replicas"] } },
      expect: { vol: "same", svc: { update: ["mode.replicated.replicas"] } },
    },
    {
      name: "notices a variable that somebody added, and takes it away",
      drift: async () =>
        void run("service", "update", "--detach", "--quiet", "--env-add", "X=1", `${PREFIX}-svc`),
      drifted: { svc: { update: [`${container}.env.X`] } },
      expect: { vol: "same", svc: { update: [`${container}.env.X`] } },
    },
    {
      name: "starts its tasks anew when told to",
      program: alone((args) => {
        args.taskSpec = { ...(args.taskSpec as docker.types.input.ServiceTaskSpec), forceUpdate: 1 };
      }),
      expect: {
        vol: "same",
        svc: {
          update: [
            "labels[1]",
            "mode.replicated.replicas",
            "taskSpec.forceUpdate",
            `${container}.env.B`,
            `${container}.env.C`,
          ],
        },
      },
    },
    {
      name: "is rolled back by the engine when its new task is not healthy, and says why",
      program: alone(unhealthy),
      fails: /rolled back.*(unhealthy|no such thing here)/s,
      expect: {
        vol: "same",
        svc: { update: [`${container}.healthcheck.tests[0]`, `${container}.healthcheck.tests[1]`] },
      },
      check: ({ state, said }) => {
        assert.match(said, /no such thing here/);
        const { inputs } = state("svc");
        const told = inputs.taskSpec as { containerSpec: { healthcheck: { tests: string[] } } };
        assert.deepEqual(told.containerSpec.healthcheck.tests, ["CMD", "true"]);
        assert.match(
          run(
            "service",
            "inspect",
            "-f",
            "{{.Spec.TaskTemplate.ContainerSpec.Healthcheck.Test}}",
            `${PREFIX}-svc`,
          ),
          /true/,
        );
      },
    },
    {
      name: "is as it was before once the program is",
      program: alone(),
      expect: { vol: "same", svc: "same" },
    },
    {
      name: "is replaced when its name changes",
      program: alone(renamed),
      expect: { vol: "same", svc: { replace: ["name"], paths: ["name"], deleteFirst: false } },
    },
    {
      name: "is made again when somebody removed it",
      drift: async () => void run("service", "rm", `${PREFIX}-other`),
      drifted: { svc: "delete" },
      expect: { vol: "same", svc: "create" },
    },
    {
      name: "fails within its converge timeout, with the reason, when it never gets healthy, and does not stay",
      program: async () => {
        new docker.Service("svc", small(renamed));
        new docker.Service(
          "sick",
          small((args, spec) => {
            unhealthy(args, spec);
            args.name = `${PREFIX}-sick`;
            args.convergeConfig = { delay: "1s", timeout: "15s" };
          }),
        );
      },
      fails: /conf-docker-sick did not converge within 15s.*no such thing here/s,
      expect: { vol: "delete", svc: "same", sick: "create" },
      check: () => assert.ok(!left().includes(`service ${PREFIX}-sick`)),
    },
  ],
});

function renamed(args: docker.ServiceArgs): void {
  args.name = `${PREFIX}-other`;
}

function unhealthy(_args: docker.ServiceArgs, spec: Spec): void {
  const tests = ["CMD-SHELL", "echo no such thing here; exit 1"];
  spec.healthcheck = { tests, interval: "1s", timeout: "5s", retries: 2, startPeriod: "1s" };
}

function withParts(text: string): void {
  const network = new docker.Network("net", { name: `${PREFIX}-net`, driver: "overlay" });
  const volume = new docker.Volume("vol", { name: `${PREFIX}-vol` });
  const secret = new docker.Secret(`${PREFIX}-sec`, { data: base64(text) });
  const config = new docker.ServiceConfig(`${PREFIX}-conf`, { data: base64(text) });
  new docker.Service(
    "svc",
    small((args, spec) => {
      spec.mounts = [{ type: "volume", source: volume.name, target: "/data" }];
      spec.secrets = [
        {
          secretId: secret.id,
          secretName: secret.name,
          fileName: "password",
          fileMode: 0o400,
          fileUid: "1000",
        },
      ];
      spec.configs = [{ configId: config.id, configName: config.name, fileName: "/etc/conf" }];
      const networksAdvanceds = [{ id: network.id, aliases: ["conf"] }];
      args.taskSpec = { ...(args.taskSpec as docker.types.input.ServiceTaskSpec), networksAdvanceds };
    }),
  );
}

/** Runs a command in the service's container. */
function exec(...command: string[]): string {
  const id =
    run("ps", "-q", "--filter", `label=com.docker.swarm.service.name=${PREFIX}-svc`).split("\n")[0] ?? "";
  return run("exec", id, ...command);
}
