import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../../cli/docker";
import { planImages, rebuildImages } from "../../../../cli/releases/images";
import type { Config } from "../../../../config";
import { TempFolders, withEnvironment, writeFiles, writeScript } from "../../../support/temp";
import { IMAGES, release } from "./entries";

class Host extends DockerHost {
  constructor(private readonly images: readonly string[]) {
    super("");
  }

  override async imageExists(reference: string): Promise<boolean> {
    return this.images.includes(reference);
  }
}

describe("the images of a release", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  const git = (folder: string, ...args: string[]): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();

  /** A repository with the application in a folder of it, changed since the commit that is returned. */
  function repository(): { source: string; commit: string } {
    const root = folders.create({
      "app/backend/Dockerfile.prod": "FROM scratch\n",
      "app/backend/app.py": "old\n",
      "app/frontend/Dockerfile.prod": "FROM scratch\n",
    });
    git(root, "init", "--quiet");
    git(root, "add", ".");
    git(root, "commit", "--quiet", "--message", "old");
    const commit = git(root, "rev-parse", "HEAD");
    writeFiles(root, { "app/backend/app.py": "new\n", ".git/hooks/post-checkout": "#!/bin/sh\nexit 1\n" });
    git(root, "commit", "--quiet", "--all", "--message", "new");
    return { source: join(root, "app"), commit };
  }

  const configOf = (source: string | undefined): Pick<Config, "app" | "http"> => ({
    app: { ...(source !== undefined && { source }), environment: {}, logLevel: "INFO", allowedOrigins: [] },
    http: {
      port: 8080,
      httpsPort: 8443,
      trustedProxies: [],
      loginLimit: { paths: ["/api/login"], perMinute: 10, burst: 20 },
    },
  });

  it("are taken as they are where the Docker host has them", async () => {
    const images = Object.values(IMAGES("a"));
    assert.deepEqual(await planImages(new Host(images), release("a"), undefined, configOf(undefined)), {
      images: IMAGES("a"),
      rebuild: [],
      notes: [],
    });
  });

  it("are pulled by the program where they are published", async () => {
    const published = `registry.example.com/crm@sha256:${"a".repeat(64)}`;
    const images = { backend: published, frontend: published, nginx: IMAGES("a").nginx };
    const plan = await planImages(
      new Host([images.nginx]),
      release("a", { images }),
      undefined,
      configOf(undefined),
    );
    assert.deepEqual(plan, { images, rebuild: [], notes: [] });
  });

  it("are built again from the release's commit where they are gone", async () => {
    const { source, commit } = repository();
    const { nginx } = IMAGES("a");
    const config = configOf(source);
    const plan = await planImages(new Host([nginx]), release("a", { commit }), undefined, config);
    assert.deepEqual(
      plan.notes,
      ["backend", "frontend"].map(
        (service) =>
          `image of ${service} (sha256:${service === "backend" ? "612d6261636b" : "612d66726f6e"}) is gone: it is built again ` +
          `from commit ${commit.slice(0, 12)}`,
      ),
    );

    const bin = folders.create();
    const seen = join(bin, "seen");
    writeScript(
      bin,
      "docker",
      `#!/bin/sh
case "$1" in
  build) for last; do :; done; echo "$*" >>${seen}; cat "$last/app.py" >>${seen} 2>/dev/null; exit 0 ;;
  image) case "$*" in *--format*) for last; do :; done; echo '{"id":"sha256:built-'"$last"'"}' ;; *) exit 1 ;; esac ;;
esac
`,
    );
    const temporary = folders.create();
    const images = await withEnvironment({ PATH: `${bin}:${process.env.PATH}`, TMPDIR: temporary }, () =>
      rebuildImages(new Host([]), "unit", plan, () => {}),
    );
    const tag = commit.slice(0, 12);
    assert.deepEqual(images, {
      backend: `sha256:built-fitnesscrm-unit/backend:${tag}`,
      frontend: `sha256:built-fitnesscrm-unit/frontend:${tag}`,
      nginx,
    });
    const calls = readFileSync(seen, "utf8");
    assert.match(calls, new RegExp(`--tag fitnesscrm-unit/backend:${tag} .*/app/backend\nold\n`));
    assert.match(
      calls,
      /--tag fitnesscrm-unit\/frontend:\S+ .* --build-arg VITE_API_URL=http:\/\/localhost:8080 /,
    );
    assert.doesNotMatch(calls, /new/);

    // Nothing is left behind, and the checkout that somebody works in was not touched.
    assert.deepEqual(readdirSync(temporary), []);
    assert.equal(git(source, "worktree", "list").split("\n").length, 1);
    assert.equal(readFileSync(join(source, "backend/app.py"), "utf8"), "new\n");
  });

  it("leave nothing behind when a build fails, which is named", async () => {
    const { source, commit } = repository();
    const plan = await planImages(
      new Host([IMAGES("a").nginx]),
      release("a", { commit }),
      undefined,
      configOf(source),
    );
    const bin = folders.create();
    writeScript(bin, "docker", '#!/bin/sh\n[ "$1" != build ] || { echo "no space left"; exit 1; }\n');
    const temporary = folders.create();
    await withEnvironment({ PATH: `${bin}:${process.env.PATH}`, TMPDIR: temporary }, () =>
      assert.rejects(
        rebuildImages(new Host([]), "unit", plan, () => {}),
        {
          name: "UserError",
          message: new RegExp(`^image of backend could not be built from commit ${commit.slice(0, 12)}: `),
        },
      ),
    );
    assert.deepEqual(readdirSync(temporary), []);
    assert.equal(git(source, "worktree", "list").split("\n").length, 1);
  });

  for (const [what, more, reason] of [
    ["no commit", {}, "no commit of the release is on record"],
    [
      "a commit that files differed from",
      { commit: "1".repeat(40), dirty: true },
      "files differed from its commit 111111111111 when it was built",
    ],
    [
      "a commit that is not in the repository",
      { commit: "1".repeat(40) },
      /^commit 111111111111 is not in the repository of \/.+\/app$/,
    ],
  ] as const) {
    it(`are refused by name where they are gone and there is ${what}`, async () => {
      const { source } = repository();
      const planned = planImages(
        new Host([IMAGES("a").nginx]),
        release("a", more),
        undefined,
        configOf(source),
      );
      await assert.rejects(planned, (error: Error) => {
        const [, why] =
          /^image of backend \(sha256:\w{64}\) is gone from the Docker host, and cannot be built again: (.*); take another release with --to VERSION$/.exec(
            error.message,
          ) ?? [];
        assert.match(why ?? error.message, typeof reason === "string" ? new RegExp(`^${reason}$`) : reason);
        return true;
      });
    });
  }

  it("leave today's nginx in place where its own is gone and this project does not know the commit", async () => {
    const { source, commit } = repository();
    const { backend, frontend, nginx } = IMAGES("a");
    const kept = IMAGES("today").nginx;
    const plan = await planImages(
      new Host([backend, frontend, kept]),
      release("a", { commit }),
      kept,
      configOf(source),
    );
    assert.deepEqual(plan.images, { backend, frontend, nginx: kept });
    assert.equal(plan.notes.length, 1);
    assert.match(plan.notes[0] ?? "", /^image of nginx \(sha256:612d6e67696e\) is gone .* today's stays$/);
    await assert.rejects(
      planImages(new Host([backend, frontend]), release("a", { commit }), kept, configOf(source)),
      new RegExp(`^UserError: image of nginx \\(${nginx}\\) is gone from the Docker host`),
    );
    assert.ok(existsSync(source));
  });

  it("must all be named by the release", async () => {
    await assert.rejects(
      planImages(new Host([]), release("a", { images: {} }), undefined, configOf(undefined)),
      /the release does not say which image backend ran/,
    );
  });
});
