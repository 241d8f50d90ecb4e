import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { OPS_SOURCES, StackImages } from "../../../../components/stack/images";
import { parseConfig } from "../../../../config";
import { BACKEND_IMAGE, FRONTEND_IMAGE, minimalConfig, rawOf } from "../../../support/config";
import { countByType, only, outputValue, record } from "../../../support/mocks";
import { TempFolders } from "../../../support/temp";

const COMMAND = "command:local:Command";

describe("images of a stack", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  const build = (stack: string, app: object, folder: string, packagesOf?: string) =>
    record(
      stack,
      () =>
        new StackImages("images", {
          stack,
          app: parseConfig(rawOf({ ...minimalConfig(), app }), folder).app,
          dockerHost: "ssh://root@crm.example.com",
          pinned: undefined,
          publicUrl: "https://crm.example.com",
          agentVersion: "1.2.3",
          packagesOf,
        }),
    );

  it("of ops is another one as soon as one of the files is that its program is made of", async () => {
    const root = join(__dirname, "../../../..");
    const fromTsx = createRequire(require.resolve("tsx/package.json"));
    const { build: bundle } = fromTsx("esbuild") as {
      build(options: object): Promise<{ metafile: { inputs: Record<string, unknown> } }>;
    };
    const { metafile } = await bundle({
      entryPoints: [join(root, "ops/main.ts")],
      absWorkingDir: root,
      outfile: join(root, "main.js"),
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      packages: "external",
      logLevel: "silent",
    });
    const beside = Object.keys(metafile.inputs).filter((file) => !file.startsWith("ops/"));
    assert.deepEqual([...OPS_SOURCES].sort(), beside.sort());
  });

  it("of a published application are pulled; those of the project are built", async () => {
    const { resources, result } = await build("unit", minimalConfig().app as object, "/nowhere");
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:stack:Images": 1,
      "fitnesscrm:images:Image": 8,
      [COMMAND]: 8,
    });
    const environments = Object.fromEntries(
      resources
        .filter(({ type }) => type === COMMAND)
        .map(({ name, inputs }) => {
          const { IMAGE, ...rest } = inputs.environment as Record<string, string>;
          return [name, { IMAGE: IMAGE?.replace(/:[0-9a-f]{12}$/, ":TAG"), ...rest }];
        }),
    );
    const DOCKER_HOST = "ssh://root@crm.example.com";
    assert.deepEqual(environments, {
      backend: { DOCKER_HOST, IMAGE: BACKEND_IMAGE },
      frontend: { DOCKER_HOST, IMAGE: FRONTEND_IMAGE },
      postgres: { DOCKER_HOST, IMAGE: "fitnesscrm/postgres:TAG", CONTEXT: "images/postgres" },
      redis: { DOCKER_HOST, IMAGE: "fitnesscrm/redis:TAG", CONTEXT: "images/redis" },
      nginx: { DOCKER_HOST, IMAGE: "fitnesscrm/nginx:TAG", CONTEXT: "images/nginx" },
      ops: {
        DOCKER_HOST,
        IMAGE: "fitnesscrm/ops:TAG",
        CONTEXT: "images/ops",
        PREPARE: "images/ops/prepare.sh",
      },
      engine: { DOCKER_HOST, IMAGE: "fitnesscrm/engine:TAG", CONTEXT: "images/engine" },
      agent: {
        DOCKER_HOST,
        IMAGE: "fitnesscrm/agent:TAG",
        CONTEXT: "images/agent",
        PREPARE: "images/agent/prepare.sh",
      },
    });
    assert.deepEqual(await outputValue(result.references), {
      backend: BACKEND_IMAGE,
      frontend: FRONTEND_IMAGE,
      db: "sha256:postgres",
      redis: "sha256:redis",
      nginx: "sha256:nginx",
      ops: "sha256:ops",
      engine: "sha256:engine",
      agent: "sha256:agent",
    });
  });

  it("of a source folder are built from its two Dockerfiles, the frontend with the API's address", async () => {
    const source = folders.create({
      "backend/Dockerfile.prod": "FROM scratch\n",
      "frontend/Dockerfile.prod": "FROM scratch\n",
    });
    const { resources } = await build("unit", { source }, "/nowhere");
    const environment = (name: string) =>
      only(resources, COMMAND, name).inputs.environment as Record<string, string>;
    const { IMAGE: backendTag, ...backend } = environment("backend");
    const { IMAGE: frontendTag, ...frontend } = environment("frontend");
    assert.match(backendTag ?? "", /^fitnesscrm-unit\/backend:[0-9a-f]{12}$/);
    assert.match(frontendTag ?? "", /^fitnesscrm-unit\/frontend:[0-9a-f]{12}$/);
    const common = { DOCKER_HOST: "ssh://root@crm.example.com", DOCKERFILE: "Dockerfile.prod" };
    assert.equal(backend.BUILD_ARGS ?? "", "");
    delete backend.BUILD_ARGS;
    assert.deepEqual(backend, { ...common, CONTEXT: `${source}/backend` });
    assert.deepEqual(frontend, {
      ...common,
      CONTEXT: `${source}/frontend`,
      BUILD_ARGS: "VITE_API_URL=https://crm.example.com",
    });
  });

  it("after a refresh are built anew on a base with the packages of that day; the day before, or none, is another image", async () => {
    const source = folders.create({
      "backend/Dockerfile.prod": "FROM scratch\n",
      "frontend/Dockerfile.prod": "FROM scratch\n",
    });
    const environments = async (packagesOf?: string) => {
      const { resources } = await build("unit", { source }, "/nowhere", packagesOf);
      return Object.fromEntries(
        resources
          .filter(({ type }) => type === COMMAND)
          .map(({ name, inputs }) => [name, inputs.environment as Record<string, string>]),
      );
    };
    const [none, before, after] = [
      await environments(),
      await environments("2026-11-01"),
      await environments("2026-12-06"),
    ];
    assert.equal(none.packages, undefined);
    assert.equal(after.packages?.BUILD_ARGS, "PACKAGES=2026-12-06");
    assert.equal(after.packages?.CONTEXT, "images/base");
    for (const name of Object.keys(none)) {
      const { IMAGE, PACKAGES, PACKAGES_BASE, ...rest } = after[name] ?? {};
      const { IMAGE: first, ...unchanged } = none[name] ?? {};
      assert.deepEqual(rest, unchanged, name);
      assert.equal(PACKAGES, "2026-12-06", name);
      assert.equal(PACKAGES_BASE, after.packages?.IMAGE, name);
      assert.equal(new Set([first, before[name]?.IMAGE, IMAGE]).size, 3, name);
    }
    assert.deepEqual(await environments("2026-12-06"), after);
  });

  it("that are published are not refreshed: their digests say what they are", async () => {
    const { resources } = await build("unit", minimalConfig().app as object, "/nowhere", "2026-12-06");
    for (const name of ["backend", "frontend"]) {
      const { environment } = only(resources, COMMAND, name).inputs as { environment: object };
      assert.deepEqual(Object.keys(environment).sort(), ["DOCKER_HOST", "IMAGE"]);
    }
  });
});
