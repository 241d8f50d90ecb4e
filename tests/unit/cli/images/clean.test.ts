import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { stackContext, updateSettings } from "../../../../cli/context";
import { DockerHost } from "../../../../cli/docker";
import { UserError } from "../../../../cli/errors";
import type { RunResult } from "../../../../cli/exec";
import { clean, cleanAfterUpdate, formatCleaning } from "../../../../cli/images/clean";
import { pruneBuildCache, removeImage, viewEngine } from "../../../../cli/images/engine";
import { KEPT_RELEASES } from "../../../../cli/images/needs";
import type { EngineImage } from "../../../../cli/images/removable";
import { stateFiles } from "../../../../cli/localState";
import { openSession, type Session } from "../../../../cli/session";
import { IMAGE_LABEL } from "../../../../labels";
import type { Step } from "../../../../toolchain";
import { TempFolders, withEnvironment, writeFiles } from "../../../support/temp";
import { engineImage, pulledImage, sha } from "./engineImage";

interface Spec {
  image: string;
  stack?: string;
  previous?: string;
}

/** An engine with images, containers and services, as the `docker` command shows it. */
class FakeEngine extends DockerHost {
  images: EngineImage[] = [];
  containers: string[] = [];

  specs: Spec[] = [];
  /** IDs of images that were taken into use after they were listed. */
  taken: string[] = [];
  /** What the engine says instead of an answer, by the start of a command. */
  broken: Record<string, string> = {};
  readonly calls: string[] = [];

  constructor() {
    super("");
  }

  override async run(args: readonly string[]): Promise<RunResult> {
    const line = args.join(" ");
    this.calls.push(line);
    const broken = Object.entries(this.broken).find(([start]) => line.startsWith(start));
    if (broken !== undefined) {
      return { code: 1, stdout: "[]", stderr: broken[1] };
    }
    const [type = "", what = "", ...rest] = args;
    const answer = { image: this.ofImages, service: this.ofServices, container: this.ofContainers }[type];
    return answer?.call(this, what, rest) ?? { code: 1, stdout: "", stderr: "no such object" };
  }

  override async runChecked(what: string, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) {
      throw new UserError(`${what}: ${stderr}`);
    }
    return stdout;
  }

  private ofImages(what: string, rest: readonly string[]): RunResult {
    if (what === "ls") {
      return said(this.images.map(({ id }) => id).join("\n"));
    }
    const image = this.images.find(({ id, tags }) => id === rest.at(-1) || tags.includes(rest.at(-1) ?? ""));
    if (what === "history") {
      // Every layer takes 10 bytes.
      return said((image?.layers ?? []).map(() => '{"Size":"10","CreatedBy":"COPY x"}').join("\n"));
    }
    if (what === "rm" && image !== undefined) {
      if (this.taken.includes(image.id)) {
        const stderr = `Error response from daemon: conflict: unable to delete ${image.id} (cannot be forced) - image is being used by running container 1`;
        return { code: 1, stdout: "", stderr };
      }
      this.images = this.images.filter((other) => other !== image);
      return said("Deleted");
    }
    return said(JSON.stringify(this.images.map(jsonOf)));
  }

  private ofServices(what: string): RunResult {
    return what === "ls"
      ? said(this.specs.map((_, index) => index).join("\n"))
      : said(JSON.stringify(this.specs.map(serviceOf)));
  }

  private ofContainers(): RunResult {
    return said(this.containers.join("\n"));
  }
}

function said(stdout: string): RunResult {
  return { code: 0, stdout, stderr: "" };
}

function jsonOf({ id, tags, digests, repository, touchedAt, bytes, layers }: EngineImage): object {
  return {
    Id: id,
    RepoTags: tags,
    RepoDigests: digests,
    Created: "1970-01-01T00:00:00Z",
    Size: bytes,
    Config: { Labels: repository === undefined ? null : { [IMAGE_LABEL]: repository } },
    RootFS: { Layers: layers },
    Metadata: { LastTagTime: touchedAt === 0 ? "0001-01-01T00:00:00Z" : new Date(touchedAt).toISOString() },
  };
}

function serviceOf({ image, stack = "unit", previous }: Spec): object {
  const spec = (Image: string): object => ({
    Labels: { "fitnesscrm.stack": stack },
    TaskTemplate: { ContainerSpec: { Image } },
  });
  return { Spec: spec(image), ...(previous !== undefined && { PreviousSpec: spec(previous) }) };
}

/** The state after an update whose backend was the image with that ID. */
function stateWith(backend: string, built: readonly string[] = []): object {
  const release = { attempt: backend, images: { backend, frontend: sha("f"), nginx: sha("e") } };
  return {
    resources: [
      { urn: "urn:stack", type: "pulumi:pulumi:Stack", outputs: { release } },
      ...built.map((id) => ({
        urn: `urn:${id}`,
        type: "command:local:Command",
        outputs: { stdout: JSON.stringify({ id, entrypoint: null, cmd: null }) },
      })),
    ],
  };
}

describe("cleaning the engine of old images (M55)", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  const HOUR_AGO = Date.now() - 3_600_000;

  /** A local stack with a history of releases, each with a backend of its own, oldest first. */
  async function onStage<T>(
    backends: readonly string[],
    body: (session: Session, engine: FakeEngine) => Promise<T>,
    built: readonly string[] = [],
  ): Promise<T> {
    const home = folders.create();
    return withEnvironment({ FITNESSCRM_HOME: home, PULUMI_BACKEND_URL: undefined }, async () => {
      const context = stackContext("unit");
      mkdirSync(context.folder, { recursive: true });
      writeFileSync(context.configFile, stringify({ config: {} }));
      updateSettings(context, []);
      const { state, history } = stateFiles(context);
      const checkpoint = (backend: string): string =>
        JSON.stringify({ version: 3, checkpoint: { latest: stateWith(backend, built) } });
      const files = backends.flatMap((backend, index) => {
        const name = join(history, `unit-${1_700_000_000_000_000_000 + index * 1_000_000_000}`);
        const info = { kind: "update", startTime: index, endTime: index + 1, result: "succeeded" };
        return [
          [`${name}.history.json`, JSON.stringify(info)],
          [`${name}.checkpoint.json`, checkpoint(backend)],
        ] as const;
      });
      writeFiles("/", Object.fromEntries([...files, [state, checkpoint(backends.at(-1) ?? "")]]));
      const engine = new FakeEngine();
      return body({ ...openSession("unit"), docker: engine }, engine);
    });
  }

  /** First digits of the IDs of backends, as many as there are releases. */
  const digits = Array.from({ length: KEPT_RELEASES + 3 }, (_, index) => `a${index}`);
  const [oldest = "", second = ""] = digits;
  const newest = digits.at(-1) ?? "";
  const backends = digits.map(sha);

  function fill(engine: FakeEngine): void {
    engine.images = digits.map((each, index) =>
      engineImage(each, { touchedAt: index * 1000, layers: ["base", `app-${each}`], bytes: 20 }),
    );
    engine.specs = [{ image: sha(newest) }];
  }

  it("removes the releases that no rollback goes back to, and says what that frees", () =>
    onStage(backends, async (session, engine) => {
      fill(engine);
      const cleaning = await clean(session, { before: HOUR_AGO });
      assert.deepEqual(cleaning, {
        stack: "unit",
        dryRun: false,
        removed: [second, oldest].map((each) => ({
          id: sha(each),
          name: `fitnesscrm-unit/backend:${each.padEnd(12, "0")}`,
          bytes: 10,
        })),
        freedBytes: 20,
        kept: KEPT_RELEASES,
        notes: [],
        buildCache: null,
      });
      assert.equal(engine.images.length, KEPT_RELEASES + 1);
      assert.equal(
        formatCleaning(cleaning),
        [
          "Removed 2 images of stack unit, 20 B:",
          "  IMAGE                                 FREES",
          "  fitnesscrm-unit/backend:a10000000000   10 B",
          "  fitnesscrm-unit/backend:a00000000000   10 B",
          `${KEPT_RELEASES} more that nothing runs stay, for a rollback or the next build.`,
        ].join("\n"),
      );
      const again = await clean(session, { before: HOUR_AGO });
      assert.deepEqual([again.removed, again.kept], [[], KEPT_RELEASES]);
    }));

  it("says what would go and removes nothing with --dry-run", () =>
    onStage(backends, async (session, engine) => {
      fill(engine);
      const cleaning = await clean(session, { before: HOUR_AGO, dryRun: true });
      assert.deepEqual([cleaning.removed.length, cleaning.freedBytes], [2, 20]);
      assert.ok(!engine.calls.some((call) => call.startsWith("image rm")));
      assert.match(formatCleaning(cleaning), /^Would remove 2 images of stack unit, 20 B:/);
    }));

  it("keeps what a container, a service, the one before an update, or the state has", () =>
    onStage(
      backends,
      async (session, engine) => {
        fill(engine);
        engine.containers = [sha(oldest)];
        engine.specs.push({ image: "x", previous: sha(second) });
        for (const id of ["b0", "b1"]) {
          const [tags, repository] = [[`fitnesscrm/packages:${id}0000000000`], "fitnesscrm/packages"];
          engine.images.push(engineImage(id, { tags, repository }));
        }
        const { removed } = await clean(session, { before: HOUR_AGO });
        assert.deepEqual(
          removed.map(({ id }) => id),
          [sha("b0")],
        );
      },
      [sha("b1")],
    ));

  it("leaves what is young alone, and what is in use all of a sudden, which it notes", () =>
    onStage(backends, async (session, engine) => {
      fill(engine);
      engine.taken = [sha(oldest)];
      const { removed, notes } = await clean(session, { before: HOUR_AGO });
      assert.deepEqual(
        removed.map(({ id }) => id),
        [sha(second)],
      );
      assert.deepEqual(notes, [
        `fitnesscrm-unit/backend:${oldest.padEnd(12, "0")} stays: unable to delete ${sha(oldest)} (cannot be forced) - image is being used by running container 1`,
      ]);
      assert.ok(!engine.calls.some((call) => call.includes("--force")));
      engine.images.push(engineImage("c0", { touchedAt: Date.now() }));
      assert.deepEqual((await clean(session, { before: HOUR_AGO })).removed, []);
    }));

  it("removes published images of its own old releases by their digest, and no others", () => {
    const name = "registry.example.com/backend";
    return onStage(
      digits.map((each) => `${name}@${sha(each)}`),
      async (session, engine) => {
        engine.images = [
          ...digits.map((each) => pulledImage(each)),
          pulledImage("d0"),
          pulledImage("d1", "x"),
        ];
        engine.specs = [{ image: `${name}@${sha(newest)}` }];
        const { removed, kept } = await clean(session, { before: HOUR_AGO });
        assert.deepEqual(removed.map(({ id }) => id).sort(), [sha(oldest), sha(second)]);
        assert.equal(removed[0]?.name, `${name}@sha256:${oldest.padEnd(12, "0")}`);
        assert.equal(kept, KEPT_RELEASES);
      },
    );
  });

  it("leaves images that stacks share alone while it cannot know what another stack needs", () =>
    onStage(backends, async (session, engine) => {
      engine.images = ["nginx", "packages", "ops"].map((which, index) =>
        engineImage(`c${index}`, { tags: [], repository: `fitnesscrm/${which}` }),
      );
      engine.specs = [{ image: "x", stack: "elsewhere" }];
      const { removed, notes } = await clean(session, { before: HOUR_AGO });
      assert.deepEqual(
        removed.map(({ id }) => id),
        [sha("c2")],
      );
      assert.equal(notes.length, 1);
      assert.match(
        notes[0] ?? "",
        /^all of fitnesscrm\/nginx and fitnesscrm\/packages and all pulled images stay: what stack elsewhere \(stack elsewhere does not exist yet/,
      );
      engine.specs = [];
      assert.equal((await clean(session, { before: HOUR_AGO })).removed.length, 2);
    }));

  it("removes nothing where the stack's state is not found: nothing found is not nothing needed", () =>
    onStage(backends, async (session, engine) => {
      fill(engine);
      const lost = {
        ...session,
        pulumi: Object.create(session.pulumi, { exportState: { value: async () => undefined } }),
      };
      await assert.rejects(clean(lost, { before: HOUR_AGO }), {
        message: "stack unit is not where its state is looked for: see PULUMI_BACKEND_URL and pulumi login",
      });
      assert.ok(!engine.calls.some((call) => call.startsWith("image rm")));
    }));

  it("removes nothing when the engine does not say what is in use", () =>
    onStage(backends, async (session, engine) => {
      fill(engine);
      engine.broken = { "service inspect": "Cannot connect to the Docker daemon" };
      await assert.rejects(clean(session, { before: HOUR_AGO }), {
        message: "services: Cannot connect to the Docker daemon",
      });
      assert.ok(!engine.calls.some((call) => call.startsWith("image rm")));
    }));

  describe("after an update", () => {
    interface Told {
      done: (string | undefined)[];
      failed: string[];
    }

    async function afterUpdate(session: Session): Promise<Told> {
      const told: Told = { done: [], failed: [] };
      const step: Step = {
        detail: () => {},
        done: (text) => told.done.push(text),
        fail: (text) => told.failed.push(text),
      };
      await cleanAfterUpdate(session, { step: () => step });
      return told;
    }

    it("is one line", () =>
      onStage(backends, async (session, engine) => {
        fill(engine);
        assert.deepEqual(await afterUpdate(session), { done: ["2 removed, 20 B"], failed: [] });
        assert.deepEqual(await afterUpdate(session), { done: [undefined], failed: [] });
      }));

    it("does not look into the history while there are no more images than rollbacks need", () =>
      onStage([], async (session, engine) => {
        fill(engine);
        engine.images = engine.images.slice(-KEPT_RELEASES);
        assert.deepEqual(await afterUpdate(session), { done: [undefined], failed: [] });
        assert.ok(!engine.calls.some((call) => call.startsWith("config")));
      }));

    it("does not fail when it cannot be done", () =>
      onStage(backends, async (session, engine) => {
        engine.broken = { "image ls": "the engine is busy" };
        assert.deepEqual(await afterUpdate(session), {
          done: [],
          failed: [
            "they stay: images: the engine is busy; ./fitnesscrm images clean --stack unit tries it again",
          ],
        });
      }));
  });
});

describe("what the engine says of its images", () => {
  it("leaves out what went while it was listed", async () => {
    const engine = new FakeEngine();
    engine.images = [engineImage("aa")];
    engine.broken = { "image inspect": `Error: No such image: ${sha("bb")}` };
    assert.deepEqual((await viewEngine(engine)).images, []);
    assert.equal(await removeImage(engine, engineImage("bb")), undefined, "it is gone already");
  });

  it("is told by name where an image has several", async () => {
    const engine = new FakeEngine();
    const tags = ["fitnesscrm/nginx:aaaaaaaaaaaa", "fitnesscrm/nginx:bbbbbbbbbbbb"];
    const image = engineImage("aa", { tags });
    engine.images = [image];
    assert.equal(await removeImage(engine, image), undefined);
    assert.deepEqual(engine.calls, [`image rm ${tags.join(" ")}`]);
  });

  it("is an error where it has failed", async () => {
    const engine = new FakeEngine();
    engine.broken = { "image rm": "Error response from daemon: input/output error" };
    await assert.rejects(removeImage(engine, engineImage("aa")), {
      message: "image fitnesscrm-unit/backend:aa0000000000: Error response from daemon: input/output error",
    });
  });

  for (const [client, text, freed] of [
    [
      "the docker command alone",
      "Deleted build cache objects:\nabc\n\nTotal reclaimed space: 1.5GB\n",
      "1.5GB",
    ],
    ["buildx", "ID\tRECLAIMABLE\tSIZE\nabc\ttrue\t1.5GB\nTotal:\t1.5GB\n", "1.5GB"],
    ["another one", "", "an amount that the engine does not say"],
  ] as const) {
    it(`has how much the builder's cache gave back, from ${client}`, async () => {
      class Builder extends DockerHost {
        override async runChecked(_what: string, args: readonly string[]): Promise<string> {
          assert.deepEqual(args, ["builder", "prune", "--force", "--filter", "until=240h"]);
          return text;
        }
      }
      assert.equal(await pruneBuildCache(new Builder("")), freed);
    });
  }
});
