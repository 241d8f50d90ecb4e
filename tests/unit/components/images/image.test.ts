import assert from "node:assert/strict";
import { Image } from "../../../../components/images/image";
import { countByType, only, outputValue, type Recorded, record } from "../../../support/mocks";
import { TempFolders, writeFiles } from "../../../support/temp";

const COMMAND = "command:local:Command";
const REFERENCE = `registry.example.com/backend@sha256:${"a".repeat(64)}`;

describe("image", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  type Args = ConstructorParameters<typeof Image>[1];
  const build = (args: Args, stdout?: unknown) =>
    record(
      "unit",
      () => new Image("backend", args),
      () => (stdout === undefined ? {} : { stdout: JSON.stringify(stdout) }),
    );
  const commandOf = async (args: Args): Promise<Recorded> => only((await build(args)).resources, COMMAND);
  const tagOf = async (args: Args): Promise<string> => {
    const { inputs } = await commandOf(args);
    const { IMAGE } = inputs.environment as { IMAGE: string };
    assert.deepEqual(inputs.triggers, [IMAGE], "what is built and what asks for a build are two things");
    return IMAGE;
  };

  it("by digest is pulled where it is to run, and known by its digest", async () => {
    const { resources, result } = await build(
      { reference: REFERENCE, dockerHost: "ssh://root@crm.example.com" },
      { id: "sha256:local", entrypoint: ["/entry"], cmd: ["serve"] },
    );
    assert.deepEqual(only(resources, COMMAND).inputs, {
      create: "sh components/images/build.sh",
      environment: { DOCKER_HOST: "ssh://root@crm.example.com", IMAGE: REFERENCE },
      triggers: [REFERENCE],
      logging: "none",
    });
    assert.equal(await outputValue(result.reference), REFERENCE);
    assert.deepEqual(await outputValue(result.command), ["/entry", "serve"]);
  });

  it("of a folder is built with all that its build needs, and known by its content", async () => {
    const context = folders.create({ "Dockerfile.prod": "FROM scratch\n", "app.py": "x" });
    const { resources, result } = await build(
      {
        repository: "fitnesscrm-unit/backend",
        context,
        dockerfile: "Dockerfile.prod",
        buildArgs: { VITE_API_URL: "https://crm.example.com", TITLE: "two words" },
        prepare: "images/ops/prepare.sh",
        dockerHost: "",
      },
      { id: "sha256:built", entrypoint: null, cmd: ["python", "app.py"] },
    );
    const { environment, ...rest } = only(resources, COMMAND).inputs;
    const { IMAGE, ...others } = environment as Record<string, string>;
    assert.match(IMAGE ?? "", /^fitnesscrm-unit\/backend:[0-9a-f]{12}$/);
    assert.deepEqual(others, {
      CONTEXT: context,
      DOCKERFILE: "Dockerfile.prod",
      PREPARE: "images/ops/prepare.sh",
      BUILD_ARGS: "VITE_API_URL=https://crm.example.com\nTITLE=two words",
    });
    assert.deepEqual(rest, { create: "sh components/images/build.sh", triggers: [IMAGE], logging: "none" });
    assert.equal(await outputValue(result.reference), "sha256:built");
    assert.deepEqual(await outputValue(result.command), ["python", "app.py"]);
  });

  it("has one command below it and nothing else", async () => {
    const { resources } = await build({ reference: REFERENCE, dockerHost: "" });
    assert.deepEqual(countByType(resources), { "fitnesscrm:images:Image": 1, [COMMAND]: 1 });
    assert.equal(only(resources, COMMAND).parent, only(resources, "fitnesscrm:images:Image").urn);
  });

  it("without entrypoint and command has an empty command", async () => {
    const { result } = await build(
      { reference: REFERENCE, dockerHost: "" },
      { id: "sha256:x", entrypoint: null, cmd: null },
    );
    assert.deepEqual(await outputValue(result.command), []);
  });

  it("gets a new tag exactly when something that goes into it changes", async () => {
    const files = { Dockerfile: "FROM scratch\n", "Dockerfile.prod": "FROM scratch\n", "app.py": "x" };
    const args = { repository: "r", context: folders.create(files), dockerHost: "" };
    const also = folders.create({ "tool.ts": "1" });
    const changed = folders.create({ "tool.ts": "2" });
    const tag = await tagOf(args);
    assert.equal(
      await tagOf({ ...args, context: folders.create(files) }),
      tag,
      "the folder's place says nothing",
    );
    assert.equal(await tagOf({ ...args, dockerHost: "ssh://x" }), tag, "nor does the host");
    const tags = [
      tag,
      await tagOf({ ...args, context: folders.create({ ...files, "app.py": "y" }) }),
      await tagOf({ ...args, dockerfile: "Dockerfile.prod" }),
      await tagOf({ ...args, buildArgs: { A: "1" } }),
      await tagOf({ ...args, buildArgs: { A: "2" } }),
      await tagOf({ ...args, prepare: "images/ops/prepare.sh" }),
      await tagOf({ ...args, alsoDependsOn: { folders: [also] } }),
      await tagOf({ ...args, alsoDependsOn: { folders: [changed] } }),
      await tagOf({ ...args, alsoDependsOn: { words: ["1.37.2"] } }),
      await tagOf({ ...args, alsoDependsOn: { words: ["1.37.3"] } }),
    ];
    assert.equal(new Set(tags).size, tags.length);
  });

  it("is built anew when its Dockerfile changes, even one that .dockerignore lists", async () => {
    const context = folders.create({
      ".dockerignore": "Dockerfile*\n",
      "Dockerfile.prod": "FROM scratch\n",
      "app.py": "x",
    });
    const args = { repository: "r", context, dockerfile: "Dockerfile.prod", dockerHost: "" };
    const before = await tagOf(args);
    writeFiles(context, { "Dockerfile.prod": "FROM debian\n" });
    assert.notEqual(await tagOf(args), before);
  });
});
