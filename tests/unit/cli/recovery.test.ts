import assert from "node:assert/strict";
import { DockerHost, type StackServiceInfo } from "../../../cli/docker";
import type { StackState } from "../../../cli/pulumi";
import { planRecovery, recoverVolumes } from "../../../cli/recovery";
import { declaredReplicas } from "../../../cli/upDown";
import { changes } from "../../../cli/update/run";
import { VOLUMES } from "../../../components/stack/foundation";

const service = (name: string, mode: object) => ({
  urn: `urn:pulumi:unit::fitnesscrm::docker:index/service:Service::${name}`,
  type: "docker:index/service:Service",
  inputs: { name: `fitnesscrm-unit-${name}`, mode },
});

const image = (name: string, stdout: unknown) => ({
  urn: `urn:pulumi:unit::fitnesscrm::command:local:Command::${name}`,
  type: "command:local:Command",
  outputs: { stdout },
});

const built = (name: string) => image(name, `{"id":"sha256:${name}","entrypoint":null,"cmd":["x"]}`);

const STATE: StackState = {
  resources: [
    service("backend", { replicated: { replicas: 3 } }),
    service("agent", { global: true }),
    built("backend"),
    built("nginx"),
    image("other", "a command of another kind"),
    image("secret", { "4dabf18193072939515e22adb298388d": "x" }),
    { urn: "urn:x", type: "docker:index/network:Network", inputs: { name: "fitnesscrm-unit" } },
  ],
};

class FakeDocker extends DockerHost {
  constructor(
    private readonly images: string[],
    private readonly names: string[],
  ) {
    super("");
  }

  override async imageExists(reference: string): Promise<boolean> {
    return this.images.includes(reference);
  }

  override async services(): Promise<StackServiceInfo[]> {
    return this.names.map((name) => ({
      id: name,
      name: `fitnesscrm-unit-${name}`,
      service: name,
      publishedPorts: [],
    }));
  }
}

describe("what an update has to put right", () => {
  const images = ["sha256:backend", "sha256:nginx"];
  const services = ["backend", "agent"];

  it("is nothing where everything that the state knows is there", async () => {
    assert.deepEqual(await planRecovery(STATE, new FakeDocker(images, services), "unit"), {
      args: [],
      refresh: false,
      notes: [],
    });
  });

  it("is nothing for a stack that was never deployed", async () => {
    assert.deepEqual(await planRecovery({}, new FakeDocker([], []), "unit"), {
      args: [],
      refresh: false,
      notes: [],
    });
  });

  it("is to build again the images that are gone, and only those", async () => {
    assert.deepEqual(await planRecovery(STATE, new FakeDocker(["sha256:nginx"], services), "unit"), {
      args: ["--replace", "urn:pulumi:unit::fitnesscrm::command:local:Command::backend"],
      refresh: false,
      notes: ["1 images are gone from the engine and are made again"],
    });
  });

  it("is to look at what exists before making services that are gone", async () => {
    assert.deepEqual(await planRecovery(STATE, new FakeDocker(images, ["agent"]), "unit"), {
      args: [],
      refresh: true,
      notes: ["gone from the engine and made again: fitnesscrm-unit-backend"],
    });
  });
});

describe("the tasks that a stopped service gets back", () => {
  it("are as many as the last update declared", () => {
    assert.equal(declaredReplicas(STATE, "fitnesscrm-unit-backend"), 3);
  });

  it("are one where the state does not know", () => {
    assert.equal(declaredReplicas(STATE, "fitnesscrm-unit-frontend"), 1);
    assert.equal(declaredReplicas({}, "fitnesscrm-unit-backend"), 1);
  });
});

describe("what an update changed, from pulumi's summary", () => {
  const output = (lines: string) =>
    `Updating (unit):\n + docker:index:Service backend created (3s)\n\n${lines}\nDuration: 5s\n`;
  const table: [summary: string, line: string][] = [
    [
      "Resources:\n    + 12 created\n    ~ 3 updated\n    40 unchanged\n",
      "12 created, 3 updated, 40 unchanged",
    ],
    ["Resources:\n    +-1 replaced\n    - 2 deleted\n", "1 replaced, 2 deleted"],
    ["Resources:\n    77 unchanged\n", "77 unchanged"],
    ["", ""],
  ];
  for (const [summary, line] of table) {
    it(JSON.stringify(line), () => {
      assert.equal(changes(output(summary)), line);
    });
  }
});

describe("volumes that were lost", () => {
  const volume = (name: string, labels: object[] = [{ label: "fitnesscrm.stack", value: "unit" }]) => ({
    urn: `urn:pulumi:unit::fitnesscrm::docker:index/volume:Volume::${name}`,
    type: "docker:index/volume:Volume",
    inputs: { name: `fitnesscrm-unit-${name}` },
    outputs: { name: `fitnesscrm-unit-${name}`, labels },
  });

  class Volumes extends DockerHost {
    readonly made: string[] = [];
    constructor(
      private readonly labelled: string[],
      private readonly bare: string[] = [],
    ) {
      super("");
    }
    override async runChecked(_what: string, args: readonly string[]): Promise<string> {
      if (args[1] === "create") {
        this.made.push(args.slice(2).join(" "));
        return "";
      }
      const found = args.includes("--filter") ? this.labelled : [...this.labelled, ...this.bare];
      return found.map((name) => `fitnesscrm-unit-${name}\n`).join("");
    }
  }

  it("are none where all are there", async () => {
    const docker = new Volumes(["postgres", "redis"]);
    const state = { resources: [volume("postgres"), volume("redis")] };
    assert.deepEqual(await recoverVolumes(state, docker, "unit"), []);
    assert.deepEqual(docker.made, []);
  });

  it("are made again with the stack's label, and it is said that they are empty", async () => {
    const docker = new Volumes(["redis"]);
    const state = { resources: [volume("postgres"), volume("redis")] };
    assert.deepEqual(await recoverVolumes(state, docker, "unit"), [
      "volume fitnesscrm-unit-postgres was gone and is made again, empty: ./fitnesscrm restore brings its data back",
    ]);
    assert.deepEqual(docker.made, ["--label fitnesscrm.stack=unit fitnesscrm-unit-postgres"]);
  });

  for (const [name, whatNow] of [
    ["uploads", "./fitnesscrm restore brings its data back"],
    ["redis", "the cache and what else was in Redis begin anew"],
    ["backups", "the copies in S3 are not touched by it, and the next backup is kept here again"],
    ["edge-log", "the log of requests begins anew"],
    ["restore", "nothing in it has to last"],
    ["engine", "nothing in it has to last"],
    ["engine-logs", "nothing in it has to last"],
    ["unheard-of", "no backup holds what was in it"],
  ] as const) {
    it(`are told apart by what comes back: ${name}`, async () => {
      const state = { resources: [volume(name)] };
      assert.deepEqual(await recoverVolumes(state, new Volumes([]), "unit"), [
        `volume fitnesscrm-unit-${name} was gone and is made again, empty: ${whatNow}`,
      ]);
      assert.deepEqual(await recoverVolumes(state, new Volumes([], [name]), "unit"), [
        `volume fitnesscrm-unit-${name} was lost, the engine has made a new one: ${whatNow}`,
      ]);
    });
  }

  it("send nobody to a restore for a volume that no backup holds", async () => {
    const state = { resources: VOLUMES.map((name) => volume(name)) };
    const notes = await recoverVolumes(state, new Volumes([]), "unit");
    assert.equal(notes.length, VOLUMES.length);
    assert.deepEqual(
      notes.filter((note) => note.includes("restore brings")).map((note) => note.split(" ")[1]),
      ["fitnesscrm-unit-postgres", "fitnesscrm-unit-uploads"],
    );
    assert.ok(!notes.some((note) => note.includes("no backup holds")), "each volume has its own words");
  });

  it("are noticed once when the engine has made them anew without a label", async () => {
    const docker = new Volumes([], ["postgres"]);
    const [note = ""] = await recoverVolumes({ resources: [volume("postgres")] }, docker, "unit");
    assert.match(note, /^volume fitnesscrm-unit-postgres was lost, the engine has made a new one/);
    assert.deepEqual(await recoverVolumes({ resources: [volume("postgres", [])] }, docker, "unit"), []);
    assert.deepEqual(docker.made, []);
  });
});
