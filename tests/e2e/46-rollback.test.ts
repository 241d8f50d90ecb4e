import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import type { ReleaseJson } from "../../cli/releases/format";
import { loadDuring } from "../support/load";
import { addClient, api } from "./support/app";
import { containersOf, docker, serviceName, sql } from "./support/docker";
import { launch, mustOnStack, onStack, PORTS, STACK, URL_OF_STACK } from "./support/launcher";
import { checkoutFolder, ensureStack } from "./support/stack";

/** Requests a second while a release is replaced. The figure at 200 is `npm run bench:deploy`'s. */
const LIGHT = 40;

async function releases(): Promise<ReleaseJson[]> {
  return JSON.parse((await mustOnStack("releases", "--json")).stdout) as ReleaseJson[];
}

async function imageOf(service: string): Promise<string> {
  const format = "{{.Spec.TaskTemplate.ContainerSpec.Image}}";
  return docker("service", "inspect", "--format", format, serviceName(service));
}

/** Every image that was built for the application of this stack. */
async function builtImages(): Promise<string> {
  const list = (part: string) =>
    docker("image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Tag}}", `fitnesscrm-${STACK}/${part}`);
  return `${await list("backend")}\n${await list("frontend")}`;
}

/** What the release that answers is called. */
async function liveName(): Promise<string | undefined> {
  const { status, json } = await api("/api/release-name");
  return status === 200 ? (json as { name: string }).name : undefined;
}

/** Runs something with requests coming in all the while. */
async function underLoad<T>(work: () => Promise<T>): Promise<T> {
  const { sent, failed, failures, worked } = await loadDuring({ url: URL_OF_STACK, rate: LIGHT }, work);
  assert.ok(sent > LIGHT, "requests were sent");
  assert.equal(failed, 0, failures.join("\n"));
  return worked;
}

/** Removes an image that a stopped task may still refer to. */
async function prune(image: string): Promise<void> {
  const users = await docker("container", "ls", "--all", "--quiet", "--filter", `ancestor=${image}`);
  for (const id of users.split("\n").filter((one) => one !== "")) {
    await docker("container", "rm", "--force", id);
  }
  await docker("image", "rm", "--force", image);
}

describe("releases and rollbacks (M19 to M21)", function () {
  this.timeout(1_800_000);
  let source: string;
  let one: ReleaseJson;
  let two: ReleaseJson;

  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", source, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", ...args], {
      encoding: "utf8",
    }).trim();

  /** Commits a release that answers with a name, and whatever else it does. @returns The commit. */
  function commitRelease(name: string, more = ""): string {
    const path = join(source, "backend", "app.py");
    const original = readFileSync(join(checkoutFolder(), "backend", "app.py"), "utf8");
    const route = `@app.get("/api/release-name")\ndef release_name():\n    return jsonify(name="${name}")\n`;
    writeFileSync(path, `${original}\n\n${route}${more}`);
    git("add", ".");
    git("commit", "--quiet", "--message", name);
    return git("rev-parse", "HEAD");
  }

  async function current(): Promise<ReleaseJson> {
    const found = (await releases()).filter((release) => release.current);
    const [release] = found;
    assert.ok(release !== undefined && found.length === 1, "exactly one release is current");
    return release;
  }

  before(async () => {
    await ensureStack();
    source = mkdtempSync(join(tmpdir(), "fitnesscrm-rollback-"));
    cpSync(checkoutFolder(), source, { recursive: true });
    git("init", "--quiet");
    commitRelease("one");
    const settings = [
      `app.source=${source}`,
      'app.version="1.0"',
      "deploy.watchSeconds=2",
      'deploy.endpoints=["/","/api/health","/api/release-name"]',
    ];
    await mustOnStack("up", ...settings.flatMap((setting) => ["--set", setting]));
    one = await current();
    commitRelease("two");
    await mustOnStack("up", "--set", 'app.version="2.0"', "--set", 'app.environment={"FEATURE":"on"}');
    two = await current();
  });

  after(async () => {
    await mustOnStack("unpin");
    const settings = [
      `app.source=${checkoutFolder()}`,
      "app.version=null",
      "app.environment=null",
      "deploy.endpoints=null",
    ];
    await mustOnStack("up", ...settings.flatMap((setting) => ["--set", setting]));
    rmSync(source, { recursive: true, force: true });
  });

  it("are listed with commit, images, result and the backup made before", async () => {
    assert.notEqual(one.version, two.version);
    assert.equal(two.commit, git("rev-parse", "HEAD"));
    assert.equal(one.commit, git("rev-parse", "HEAD~1"));
    assert.equal(two.dirty, false);
    assert.equal(two.images.backend, await imageOf("backend"));
    assert.notEqual(one.images.backend, two.images.backend);
    assert.equal(one.images.frontend, two.images.frontend);
    const backups = JSON.parse((await mustOnStack("backups", "--json")).stdout) as {
      id: string;
      label: string;
    }[];
    assert.equal(backups.find(({ id }) => id === two.backup)?.label, `before-${two.attempt}`);
  });

  it("are shown one by one, with the record of their deployment (M56)", async () => {
    const { stdout } = await launch(["releases", "show", String(two.version), "--stack", STACK, "--json"]);
    const shown = JSON.parse(stdout) as ReleaseJson & {
      deployment: { result: string; attempt: string } | null;
    };
    assert.equal(shown.app?.version, "2.0");
    assert.equal(shown.deployment?.result, "succeeded");
    assert.equal(shown.deployment?.attempt, two.attempt);
    const text = (await launch(["releases", "show", two.attempt ?? "", "--stack", STACK])).stdout;
    assert.match(text, /gate before: passed[\s\S]*gate after: passed/);
    assert.doesNotMatch(text, /"on"/);
  });

  it("go back without a build and without a failed request, settings included", async () => {
    const built = await builtImages();
    const { stdout, stderr } = await underLoad(() => mustOnStack("rollback", "--yes", "--json"));
    assert.match(stderr, new RegExp(`from release ${two.version} to release ${one.version}`));
    assert.match(stderr, /app version +2\.0 +1\.0/);
    assert.match(stderr, /FEATURE +set +removed/);
    const report = JSON.parse(stdout) as { from: number; to: number; rebuilt: string[]; restored: null };
    assert.deepEqual(
      { from: report.from, to: report.to, rebuilt: report.rebuilt, restored: report.restored },
      { from: two.version, to: one.version, rebuilt: [], restored: null },
    );
    assert.equal(await liveName(), "one");
    assert.equal(((await api("/api/version")).json as { version: string }).version, "1.0");
    assert.equal(await imageOf("backend"), one.images.backend);
    assert.equal(await builtImages(), built, "nothing was built");
    const now = await current();
    assert.equal(now.pinned, one.version);
    assert.equal(now.commit, one.commit);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("hold: nothing else is deployed, by nobody, until it is lifted", async () => {
    const refused = await onStack("up");
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      new RegExp(`stack ${STACK} is held at release ${one.version} .*unpin --stack ${STACK}`),
    );
    assert.equal(await liveName(), "one");
  });

  it("are rolled back themselves", async () => {
    await mustOnStack("rollback", "--to", String(two.version), "--yes");
    assert.equal(await liveName(), "two");
    assert.equal(await imageOf("backend"), two.images.backend);
    assert.equal((await current()).pinned, two.version);
  });

  it("are let go by unpin, which says what comes next and may be run again", async () => {
    const { stdout } = await mustOnStack("unpin");
    assert.match(
      stdout,
      new RegExp(`no longer pinned to release ${two.version}.*${two.commit?.slice(0, 12)}`),
    );
    assert.match((await mustOnStack("unpin")).stdout, /is not pinned/);
    await mustOnStack("up");
    assert.equal(await liveName(), "two");
    assert.equal((await current()).pinned, null);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("build an image that was pruned again from its commit, and say so", async () => {
    await prune(one.images.backend ?? "");
    const { stdout, stderr } = await mustOnStack("rollback", "--to", String(one.version), "--yes", "--json");
    assert.match(
      stderr,
      new RegExp(`image of backend .* is gone: it is built again from commit ${one.commit?.slice(0, 12)}`),
    );
    assert.deepEqual((JSON.parse(stdout) as { rebuilt: string[] }).rebuilt, ["backend"]);
    assert.equal(await liveName(), "one");
    assert.equal(git("worktree", "list").split("\n").length, 1, "no worktree is left");
    await mustOnStack("unpin");
    await mustOnStack("up");
  });

  it("are refused by name when an image is gone and cannot be built", async () => {
    writeFileSync(
      join(source, "backend", "app.py"),
      `${readFileSync(join(source, "backend", "app.py"), "utf8")}\n# dirty\n`,
    );
    await mustOnStack("up");
    const dirty = await current();
    assert.equal(dirty.dirty, true);
    git("checkout", "--quiet", ".");
    await mustOnStack("up");
    await prune(dirty.images.backend ?? "");
    const image = await imageOf("backend");
    const { code, stderr } = await onStack("rollback", "--to", String(dirty.version), "--yes");
    assert.equal(code, 1);
    assert.match(stderr, /image of backend \(sha256:\w+\) is gone .*files differed from its commit/);
    assert.equal(await imageOf("backend"), image);
  });

  it("bring the database back as it was before the deployment that is undone (M21)", async () => {
    await addClient("Bea Before");
    commitRelease("three");
    await mustOnStack("up");
    await addClient("Alan After");
    const { stdout } = await mustOnStack("rollback", "--restore-database", "--yes", "--json");
    const { restored } = JSON.parse(stdout) as { restored: { id: string; replaced: string } };
    assert.ok(restored.id !== "" && restored.replaced !== "");
    assert.equal(await liveName(), "two");
    const names = await sql("select string_agg(name, ',' order by name) from clients");
    assert.match(names, /Bea Before/);
    assert.doesNotMatch(names, /Alan After/);
    // Nothing is lost for good: the database that was replaced is kept.
    assert.equal(await sql("select count(*) from clients where name = 'Alan After'", restored.replaced), "1");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
    await mustOnStack("restore", "--confirm", "--yes");
    await mustOnStack("unpin");
  });

  it("are refused with the database when its backup is gone, and work without", async () => {
    await mustOnStack("up");
    const three = await current();
    assert.equal(await liveName(), "three");
    await forgetBackup(three.backup ?? "");
    const refused = await onStack("rollback", "--restore-database", "--yes");
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      new RegExp(
        `backup ${three.backup}, made before release ${three.version}, is gone: nothing was changed`,
      ),
    );
    assert.equal(await liveName(), "three");
    await mustOnStack("rollback", "--yes");
    assert.equal(await liveName(), "two");
    await mustOnStack("unpin");
  });

  it("bring back the last good release after an update that failed", async () => {
    commitRelease(
      "four",
      '\n\n@app.before_request\ndef broken():\n    if request.path == "/api/release-name":\n        return failure(500, "broken on purpose")\n',
    );
    const failed = await onStack("up");
    assert.equal(failed.code, 1, failed.stderr);
    const [newest] = await releases();
    assert.equal(newest?.result, "failed");
    const good = await current();
    const { stderr } = await mustOnStack("rollback", "--yes");
    assert.match(
      stderr,
      new RegExp(`from update ${newest?.version}, which failed, to release ${good.version}`),
    );
    assert.equal(await liveName(), "two");
    assert.equal((await current()).pinned, good.version);
  });

  it("ask, and are refused where nobody can answer", async () => {
    const { code, stderr } = await onStack("rollback");
    assert.equal(code, 2);
    assert.match(stderr, /needs an answer and there is no terminal to ask on: add --yes/);
  });
});

/** Removes a backup in both places, as its age and somebody's mistake would together. */
async function forgetBackup(id: string): Promise<void> {
  assert.match(id, /^\d{8}T\d{6}Z-[0-9a-f]{4}$/);
  const s3 = new S3({
    endpoint: `http://127.0.0.1:${PORTS.aws}`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const Bucket = (await mustOnStack("pulumi", "stack", "output", "bucket")).stdout.trim();
  const { Contents } = await s3.listObjectsV2({ Bucket, Prefix: `backups/${id}/` });
  for (const { Key } of Contents ?? []) {
    await s3.deleteObject({ Bucket, Key });
  }
  const [ops = ""] = await containersOf("ops");
  await docker("exec", ops, "rm", "-r", `/backups/${id}`);
}
