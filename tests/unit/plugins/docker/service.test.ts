import assert from "node:assert/strict";
import { project } from "../../../../plugins/docker/project";
import { service } from "../../../../plugins/docker/service";
import { fromWire } from "../../../../plugins/docker/service/fromWire";
import { checkService, shape } from "../../../../plugins/docker/service/shape";
import { type Inputs, toUpdate, toWire } from "../../../../plugins/docker/service/toWire";
import type { WireSpec } from "../../../../plugins/docker/service/wire";
import { diff } from "../../../../plugins/lib/diff";
import { type Props, UNKNOWN } from "../../../../plugins/lib/types";

const full: Inputs = {
  name: "svc",
  labels: [{ label: "a", value: "1" }],
  taskSpec: {
    containerSpec: {
      image: "img:1",
      commands: ["run"],
      args: ["--fast"],
      env: { B: "2=3", A: "1" },
      labels: [{ label: "in", value: "x" }],
      hostname: "h",
      dir: "/d",
      user: "1000",
      groups: ["g"],
      readOnly: true,
      init: true,
      capAdds: ["CAP_CHOWN"],
      capDrops: ["ALL"],
      stopSignal: "SIGINT",
      stopGracePeriod: "30s",
      isolation: "default",
      sysctl: { "net.core.somaxconn": "1024" },
      hosts: [{ host: "other", ip: "10.0.0.1" }],
      dnsConfig: { nameservers: ["1.1.1.1"], searches: ["local"], options: ["ndots:1"] },
      healthcheck: { tests: ["CMD", "true"], interval: "5s", timeout: "2s", retries: 3, startPeriod: "1m" },
      mounts: [
        { type: "volume", source: "v", target: "/v", readOnly: false, volumeOptions: { noCopy: true } },
        { type: "tmpfs", target: "/t", readOnly: false, tmpfsOptions: { mode: 0o700, sizeBytes: 1024 } },
        { type: "bind", source: "/b", target: "/b", readOnly: true, bindOptions: { propagation: "rslave" } },
      ],
      secrets: [
        { secretId: "s1", secretName: "s", fileName: "p", fileUid: "0", fileGid: "0", fileMode: 0o400 },
      ],
      configs: [
        { configId: "c1", configName: "c", fileName: "/c", fileUid: "0", fileGid: "0", fileMode: 0o444 },
      ],
    },
    resources: {
      limits: { memoryBytes: 1024, nanoCpus: 5 },
      reservation: {
        memoryBytes: 512,
        nanoCpus: 1,
        genericResources: { namedResourcesSpecs: ["GPU=a"], discreteResourcesSpecs: ["SSD=3"] },
      },
    },
    restartPolicy: { condition: "on-failure", delay: "3s", maxAttempts: 4, window: "10s" },
    placement: {
      constraints: ["node.role==manager"],
      maxReplicas: 2,
      prefs: ["node.labels.zone"],
      platforms: [{ architecture: "amd64", os: "linux" }],
    },
    forceUpdate: 3,
    runtime: "container",
    networksAdvanceds: [{ id: "n1", aliases: ["db"], driverOpts: ["k=v"] }],
    logDriver: { name: "json-file", options: { "max-size": "1m" } },
  },
  mode: { global: false, replicated: { replicas: 2 } },
  updateConfig: {
    parallelism: 1,
    delay: "1s",
    failureAction: "rollback",
    monitor: "5s",
    maxFailureRatio: "0.2",
    order: "start-first",
  },
  rollbackConfig: {
    parallelism: 0,
    delay: "0s",
    failureAction: "pause",
    monitor: "5s",
    maxFailureRatio: "0.0",
    order: "stop-first",
  },
  endpointSpec: {
    mode: "dnsrr",
    ports: [{ name: "web", protocol: "tcp", publishMode: "host", publishedPort: 80, targetPort: 8080 }],
  },
};

const asProps = (inputs: unknown): Props => inputs as Props;
const wire = (spec: WireSpec) => ({
  ID: "id",
  Version: { Index: 1 },
  Spec: JSON.parse(JSON.stringify(spec)) as WireSpec,
});
const small = (change: Props = {}): Props => ({ taskSpec: { containerSpec: { image: "img:1" } }, ...change });

describe("a service's inputs", () => {
  it("come back from the engine as they went, every property of them", () => {
    const live = fromWire(wire(toWire(full)));
    assert.deepEqual(project(asProps(live), asProps(full), shape), full);
  });

  it("go to the engine in one order of the environment, whatever the program's", () => {
    assert.deepEqual(toWire(full).TaskTemplate.ContainerSpec?.Env, ["A=1", "B=2=3"]);
  });

  it("keep single-precision ratios as they were written", () => {
    const spec = toWire(full);
    const stored = { ...spec, UpdateConfig: { ...spec.UpdateConfig, MaxFailureRatio: Math.fround(0.2) } };
    assert.equal(fromWire(wire(stored)).updateConfig?.maxFailureRatio, "0.2");
  });

  it("leave to the engine what they do not set when they are sent again", () => {
    const current = toWire(full);
    const news = { name: "svc", taskSpec: { containerSpec: { image: "img:2" } } } as Inputs;
    const sent = toUpdate(news, current);
    assert.equal(sent.TaskTemplate.ForceUpdate, 3);
    assert.deepEqual(sent.Mode, current.Mode);
    assert.deepEqual(sent.EndpointSpec, current.EndpointSpec);
    assert.deepEqual(
      sent.TaskTemplate.ContainerSpec?.Healthcheck,
      current.TaskTemplate.ContainerSpec?.Healthcheck,
    );
    assert.equal(sent.TaskTemplate.ContainerSpec?.Image, "img:2");
    assert.equal(sent.TaskTemplate.ContainerSpec?.Env, undefined);
  });
});

describe("a change of a service", () => {
  const differ = (olds: Props, news: Props) => {
    const checked = (inputs: Props): Props => service.check?.(inputs, undefined, "urn")?.inputs ?? inputs;
    const [before, after] = service.comparable?.(checked(olds), checked(news)) ?? [olds, news];
    return diff(before, after, service);
  };

  it("of its replicas is made in place, also when none were given before", () => {
    const two = { mode: { replicated: { replicas: 2 } } };
    assert.deepEqual(differ(small(), small(two)), { "mode.replicated.replicas": "update" });
    assert.deepEqual(differ(small(two), small()), {});
  });

  it("from replicated to global replaces it", () => {
    const changes = differ(small(), small({ mode: { global: true } }));
    assert.equal(changes["mode.global"], "update-replace");
  });

  it("of its name, its registry's credentials or its hosts file replaces it", () => {
    const hosts = { taskSpec: { containerSpec: { image: "img:1", hosts: [{ ip: "1", host: "a" }] } } };
    assert.deepEqual(differ(small({ name: "a" }), small({ name: "b" })), { name: "update-replace" });
    assert.deepEqual(differ(small(), small({ auth: { serverAddress: "r" } })), { auth: "add-replace" });
    assert.deepEqual(differ(small(), hosts), { "taskSpec.containerSpec.hosts": "add-replace" });
  });
});

describe("the check of a service", () => {
  const reasons = (inputs: Props): string[] =>
    checkService(inputs).map(({ property, reason }) => `${property} ${reason}`);

  it("finds nothing in what is right, or not known yet", () => {
    assert.deepEqual(reasons(asProps(full)), []);
    assert.deepEqual(reasons(small({ updateConfig: UNKNOWN, convergeConfig: { timeout: UNKNOWN } })), []);
  });

  it("names the property, the value and what is allowed", () => {
    const wrong = small({
      convergeConfig: { timeout: "soon" },
      updateConfig: { order: "sideways", maxFailureRatio: "2", parallelism: -1 },
      endpointSpec: { ports: [{ targetPort: 1, publishMode: "moon" }] },
    });
    assert.deepEqual(reasons(wrong).sort(), [
      'convergeConfig.timeout is "soon", but must be a duration such as 10s or 1m30s',
      'endpointSpec.ports[0].publishMode is "moon", but must be one of host, ingress',
      'updateConfig.maxFailureRatio is "2", but must lie between 0.0 and 1.0',
      'updateConfig.order is "sideways", but must be one of stop-first, start-first',
      "updateConfig.parallelism is -1, but must be a whole number from 0 on",
    ]);
  });

  it("refuses a global service with replicas or a converge config, and a network without a name", () => {
    const global = small({ mode: { global: true, replicated: {} }, convergeConfig: {} });
    assert.deepEqual(reasons(global), [
      "mode is both global and replicated; give one of them",
      "convergeConfig is not possible for a global service",
    ]);
    const network = { taskSpec: { containerSpec: { image: "i" }, networksAdvanceds: [{ aliases: ["a"] }] } };
    assert.deepEqual(reasons(network), [
      "taskSpec.networksAdvanceds[0] needs the id or the name of a network",
    ]);
  });
});
