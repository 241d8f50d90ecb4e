/** The docker plugin's services against this machine's engine. */
import assert from "node:assert/strict";
import * as docker from "@pulumi/docker";
import { base64, findImage, labels, left, nothingLeft, PREFIX, run, sweep } from "./dockerSupport";
import { conformance } from "./harness";

let image = "";

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
const healthcheck = [0, 1].map((i) => `${container}.healthcheck.tests[${i}]`);

conformance({
  title: "docker.Service",
  plugins: ["docker"],
  stepTimeout: 240_000,
  before: async () => {
    image = findImage();
    await sweep();
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
        svc: { update: healthcheck },
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
      name: "is recorded as failed, with what it really has, when its update is paused",
      program: alone((args, spec) => {
        unhealthy(args, spec);
        args.updateConfig = { ...(args.updateConfig as object), failureAction: "pause" };
      }),
      fails: /conf-docker-svc has its update paused.*no such thing here/s,
      expect: { vol: "same", svc: { update: [...healthcheck, "updateConfig.failureAction"] } },
      check: ({ state }) => {
        const { initErrors, outputs } = state("svc");
        assert.match(initErrors.join(), /update paused/);
        assert.equal((outputs.updateConfig as { failureAction: string }).failureAction, "pause");
      },
    },
    {
      name: "is repaired by the next update, although the program is what it was before the failed one",
      program: alone(),
      expect: { vol: "same", svc: { update: [] } },
      check: ({ state }) => assert.deepEqual(state("svc").initErrors, []),
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
