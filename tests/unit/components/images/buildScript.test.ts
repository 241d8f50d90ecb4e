import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { IMAGE_LABEL } from "../../../../labels";
import { TempFolders, writeScript } from "../../../support/temp";

const SCRIPT = resolve("components/images/build.sh");
const INSPECT_FORMAT =
  '{"id":{{json .Id}},"entrypoint":{{json .Config.Entrypoint}},"cmd":{{json .Config.Cmd}}}';
const INSPECTED = '{"id":"sha256:abc","entrypoint":null,"cmd":["serve"]}';

/**
 * Stands in for `docker`: writes each call's arguments down, separated by NUL, and answers as the environment says. While it
 * builds it also notes which files the context has.
 */
const FAKE_DOCKER = `#!/bin/sh
printf '%s\\0' "$@" >>"$CALLS"
printf '\\n' >>"$CALLS"
case "$1 $2" in
  "image inspect")
    case "$*" in
      *--format*) echo '${INSPECTED}' ;;
      *) case " $LOCAL_IMAGES " in *" $3 "*) ;; *) exit 1 ;; esac ;;
    esac ;;
  build*)
    for last; do :; done
    (cd "$last" && find . -type f | sort) >"$CONTEXT_FILES"
    if [ -n "$BUILD_FAILS" ]; then
      i=0
      while [ $i -lt 40 ]; do i=$((i + 1)); echo "step $i"; done
      echo "the reason" >&2
      exit 1
    fi ;;
  pull*) [ -z "$PULL_FAILS" ] || { echo "manifest unknown" >&2; exit 1; } ;;
esac
`;

describe("build script", function () {
  this.timeout(20_000);
  const folders = new TempFolders();
  after(() => folders.remove());

  interface Run {
    code: number | null;
    stdout: string;
    stderr: string;
    /** Arguments of each call of docker. */
    calls: string[][];
    /** Files of the context while it was built. */
    context: string[];
    /** What is left of temporary folders. */
    leftovers: string[];
  }

  function run(environment: Record<string, string>, cwd = folders.create(), path?: string): Run {
    const work = folders.create();
    const bin = join(work, "bin");
    const temporary = join(work, "tmp");
    mkdirSync(temporary);
    writeScript(bin, "docker", FAKE_DOCKER);
    const [calls, context] = [join(work, "calls"), join(work, "context")];
    const { status, stdout, stderr } = spawnSync("/bin/sh", [SCRIPT], {
      cwd,
      encoding: "utf8",
      env: {
        PATH: path ?? `${bin}:${process.env.PATH}`,
        TMPDIR: temporary,
        CALLS: calls,
        CONTEXT_FILES: context,
        LOCAL_IMAGES: "",
        ...environment,
      },
    });
    const lines = existsSync(calls) ? readFileSync(calls, "utf8").split("\n").slice(0, -1) : [];
    return {
      code: status,
      stdout,
      stderr,
      calls: lines.map((line) => line.split("\0").slice(0, -1)),
      context: existsSync(context) ? readFileSync(context, "utf8").trim().split("\n") : [],
      leftovers: readdirSync(temporary),
    };
  }

  const inspectCall = (image: string): string[] => ["image", "inspect", "--format", INSPECT_FORMAT, image];

  it("builds a folder and prints one line of JSON", () => {
    const context = folders.create({ Dockerfile: "FROM scratch\n" });
    const result = run({ IMAGE: "app/backend:1", CONTEXT: context });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stdout, `${INSPECTED}\n`);
    assert.equal(result.stderr, "");
    assert.deepEqual(result.calls, [
      [
        ...["build", "--tag", "app/backend:1", "--label", `${IMAGE_LABEL}=app/backend`],
        ...["--file", `${context}/Dockerfile`, context],
      ],
      inspectCall("app/backend:1"),
    ]);
    assert.deepEqual(result.leftovers, []);
  });

  it("takes another Dockerfile, and build arguments with spaces, quotes, dollars and wildcards as they are", () => {
    const context = folders.create({ "Dockerfile.prod": "FROM scratch\n" });
    const cwd = folders.create({ "STAR=match": "", "ANY=x": "" });
    const buildArgs = [
      "TITLE=two  words",
      `QUOTES=it's "quoted"`,
      "DOLLAR=$HOME `id` $(id)",
      "STAR=*",
      "ANY=?",
      "SET=[a-z]",
      "BACK=\\n",
      "EMPTY=",
      "DASH=--no-cache",
    ];
    const result = run(
      { IMAGE: "i", CONTEXT: context, DOCKERFILE: "Dockerfile.prod", BUILD_ARGS: buildArgs.join("\n") },
      cwd,
    );
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(result.calls[0], [
      "build",
      "--tag",
      "i",
      "--label",
      `${IMAGE_LABEL}=i`,
      "--file",
      `${context}/Dockerfile.prod`,
      ...buildArgs.flatMap((pair) => ["--build-arg", pair]),
      context,
    ]);
  });

  it("takes a context whose name has spaces", () => {
    const parent = folders.create({ "two words/Dockerfile": "FROM scratch\n" });
    const result = run({ IMAGE: "i", CONTEXT: `${parent}/two words` });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(result.calls[0]?.slice(5), [
      "--file",
      `${parent}/two words/Dockerfile`,
      `${parent}/two words`,
    ]);
  });

  it("hands over the machine's own base image where there is one and the Dockerfile takes it", () => {
    const taking = folders.create({ Dockerfile: "ARG BASE=debian:trixie-slim\nFROM ${BASE}\n" });
    const without = folders.create({ Dockerfile: "FROM scratch\n" });
    const local = { LOCAL_IMAGES: "fitnesscrm/base:trixie" };
    const buildCall = (result: Run) => result.calls.find(([command]) => command === "build");
    assert.deepEqual(buildCall(run({ IMAGE: "i", CONTEXT: taking, ...local }))?.slice(7), [
      "--build-arg",
      "BASE=fitnesscrm/base:trixie",
      taking,
    ]);
    assert.deepEqual(buildCall(run({ IMAGE: "i", CONTEXT: taking }))?.slice(7), [taking]);
    assert.deepEqual(buildCall(run({ IMAGE: "i", CONTEXT: without, ...local }))?.slice(7), [without]);
  });

  it("takes the base of an image refresh, and anew what has a base of its own", () => {
    const taking = folders.create({ Dockerfile: "ARG BASE=debian:trixie-slim\nFROM ${BASE}\n" });
    const without = folders.create({ Dockerfile: "FROM python:3-slim\n" });
    const refresh = { PACKAGES: "2026-12-06", PACKAGES_BASE: "fitnesscrm/packages:1" };
    const local = { LOCAL_IMAGES: "fitnesscrm/base:trixie fitnesscrm/packages:1" };
    const optionsOf = (result: Run) => result.calls.find(([command]) => command === "build")?.slice(7, -1);
    assert.deepEqual(optionsOf(run({ IMAGE: "i", CONTEXT: taking, ...refresh, ...local })), [
      "--build-arg",
      "BASE=fitnesscrm/packages:1",
    ]);
    assert.deepEqual(optionsOf(run({ IMAGE: "i", CONTEXT: without, ...refresh, ...local })), [
      "--pull",
      "--no-cache",
    ]);
    const lost = run({ IMAGE: "i", CONTEXT: taking, ...refresh, LOCAL_IMAGES: "fitnesscrm/base:trixie" });
    assert.equal(lost.code, 1);
    assert.equal(
      lost.stderr,
      "image i: its base fitnesscrm/packages:1 is not there: run ./fitnesscrm up again, which makes it\n",
    );
    assert.deepEqual(lost.leftovers, []);
  });

  it("prepares a copy and leaves the folder as it was", () => {
    const context = folders.create({ Dockerfile: "FROM scratch\n", ".hidden": "1" });
    const prepare = join(folders.create(), "prepare.sh");
    writeScript(join(prepare, ".."), "prepare.sh", 'echo preparing; echo made >"$1/made.js"\n');
    const result = run({ IMAGE: "i", CONTEXT: context, PREPARE: prepare });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(result.context, ["./.hidden", "./Dockerfile", "./made.js"]);
    assert.deepEqual(readdirSync(context).sort(), [".hidden", "Dockerfile"]);
    assert.equal(result.stdout, `${INSPECTED}\n`, "what the preparation says is not the answer");
    assert.match(result.calls[0]?.at(-1) ?? "", /\/context$/);
    assert.deepEqual(result.leftovers, []);
  });

  it("says so when the preparation fails, and builds nothing", () => {
    const context = folders.create({ Dockerfile: "FROM scratch\n" });
    const prepare = writeScript(folders.create(), "prepare.sh", 'echo "no binary" >&2; exit 3\n');
    const result = run({ IMAGE: "i", CONTEXT: context, PREPARE: prepare });
    assert.equal(result.code, 1);
    assert.equal(result.stderr, `no binary\nimage i: ${prepare} could not prepare its files\n`);
    assert.deepEqual(result.calls, []);
    assert.deepEqual(result.leftovers, []);
  });

  it("shows the end of a build that fails, and nothing on standard output", () => {
    const context = folders.create({ Dockerfile: "FROM scratch\n" });
    const result = run({ IMAGE: "i", CONTEXT: context, BUILD_FAILS: "yes" });
    assert.equal(result.code, 1);
    assert.equal(result.stdout, "");
    const lines = result.stderr.trim().split("\n");
    assert.equal(lines.length, 26);
    assert.deepEqual(lines.slice(-3), [
      "step 40",
      "the reason",
      `image i: docker build of ${context}/Dockerfile failed, its last lines stand above`,
    ]);
    assert.deepEqual(result.leftovers, []);
  });

  it("says what is missing: the folder, the Dockerfile, the docker command", () => {
    const context = folders.create({ Dockerfile: "FROM scratch\n" });
    const line = (environment: Record<string, string>, path?: string): string => {
      const result = run({ IMAGE: "i", ...environment }, undefined, path);
      assert.equal(result.code, 1);
      assert.equal(result.stdout, "");
      return result.stderr.trim();
    };
    assert.equal(line({ CONTEXT: `${context}/gone` }), `image i: ${context}/gone is not a folder`);
    assert.equal(
      line({ CONTEXT: context, DOCKERFILE: "Dockerfile.prod" }),
      `image i: ${context}/Dockerfile.prod does not exist`,
    );
    // Only the shell's own words are left on this PATH.
    const bare = folders.create();
    symlinkSync("/bin/sh", join(bare, "sh"));
    assert.equal(
      line({ CONTEXT: context }, bare),
      "image i: the docker command is missing: run ./fitnesscrm up, which installs it",
    );
  });

  it("pulls an image that is not there, and only then", () => {
    const image = `registry.example.com/app@sha256:${"a".repeat(64)}`;
    const absent = run({ IMAGE: image });
    assert.equal(absent.code, 0, absent.stderr);
    assert.equal(absent.stdout, `${INSPECTED}\n`);
    assert.deepEqual(absent.calls, [
      ["image", "inspect", image],
      ["pull", "--quiet", image],
      inspectCall(image),
    ]);
    const present = run({ IMAGE: image, LOCAL_IMAGES: image, PULL_FAILS: "yes" });
    assert.equal(present.code, 0, present.stderr);
    assert.deepEqual(present.calls, [["image", "inspect", image], inspectCall(image)]);
  });

  it("says so when an image cannot be pulled", () => {
    const result = run({ IMAGE: "app@sha256:0", PULL_FAILS: "yes" });
    assert.equal(result.code, 1);
    assert.equal(
      result.stderr,
      "manifest unknown\nimage app@sha256:0: could not be pulled: check its name, its digest and the registry's login\n",
    );
    assert.equal(result.stdout, "");
  });
});
