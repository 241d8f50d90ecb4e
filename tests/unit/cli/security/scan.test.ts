import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../../cli/docker";
import { formatScan } from "../../../../cli/security/format";
import { judgeRun, lookAtImage, lookAtImages, stackImages } from "../../../../cli/security/look";
import { type ImageScan, imagesOf, judge, type SecurityScan } from "../../../../cli/security/model";
import type { NpmLook } from "../../../../cli/security/npm";
import type { PackageLook } from "../../../../cli/security/packages";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

const ID = `sha256:${"ab".repeat(32)}`;
const SYSTEM = "Debian GNU/Linux 13 (trixie)";
const fix = { name: "openssl", installed: "3.5.1-1", fixed: "3.5.1-1+deb13u1", security: true };
const update = { name: "tzdata", installed: "2025b-4", fixed: "2025b-5", security: false };

const look = (more: object = {}): PackageLook => ({
  state: "looked",
  system: SYSTEM,
  packages: 120,
  updates: [],
  ...more,
});
const image = (packages: PackageLook, services = ["db"]): ImageScan => ({ image: ID, services, packages });
const secret = {
  name: "appPassword",
  since: "2025-01-01T00:00:00Z",
  ageDays: 694,
  limitDays: 365,
  overLimit: true,
  rotation: "twice",
} as const;
const NO_FAULTS: NpmLook = { state: "looked", faults: [] };
const fault = (fixed: boolean): NpmLook => ({
  state: "looked",
  faults: [{ name: "ws", severity: "high", range: "<8.1", title: "denial of service", fixed }],
});

describe("the verdict of a security scan", () => {
  const cases: [title: string, found: Partial<SecurityScan>, passed: boolean][] = [
    ["nothing is missing", {}, true],
    ["an update that is none of security", { images: [image(look({ updates: [update] }))] }, true],
    ["a known fix", { images: [image(look({ updates: [update, fix] }))] }, false],
    ["an image that cannot tell of fixes", { images: [image(look({ warning: "no archive" }))] }, false],
    ["an image without packages", { images: [image({ state: "not-looked", reason: "no shell" })] }, true],
    ["an archive that is away", { images: [image({ state: "failed", reason: "away" })] }, false],
    ["a fault of an npm package with a remedy", { npm: fault(true) }, false],
    ["a fault without one", { npm: fault(false) }, true],
    ["a registry without a list", { npm: { state: "not-looked", reason: "405" } }, true],
    ["a registry that is away", { npm: { state: "failed", reason: "away" } }, false],
    ["a secret over its limit", { secrets: [secret] }, false],
  ];
  for (const [title, found, passed] of cases) {
    it(`${passed ? "passes" : "does not pass"}: ${title}`, () => {
      const scan = judge({ stack: "unit", images: [image(look())], npm: NO_FAULTS, secrets: [], ...found });
      assert.equal(scan.passed, passed);
      const text = formatScan(scan);
      assert.equal(/no known fix is missing, no secret is over its limit\.$/.test(text), passed);
      assert.doesNotMatch(text, /undefined|\[object/);
    });
  }

  it("is told with each fix, by whom it is lacked, and what to do", () => {
    const text = formatScan(
      judge({
        stack: "prod",
        images: [
          image(look({ updates: [update, fix] }), ["ops", "restore"]),
          image({ state: "not-looked", reason: "it has no shell" }, ["backend"]),
          image({ state: "failed", reason: "it is not on this Docker host" }, ["frontend"]),
        ],
        npm: { state: "not-looked", reason: "npm is not installed" },
        secrets: [secret],
      }),
    );
    const lines = text.split("\n").map((line) => line.trimEnd());
    for (const line of [
      /^ops, restore +sha256:abababababab +120 +1 +1 +Debian GNU\/Linux 13 \(trixie\)$/,
      /^backend +sha256:abababababab +- +- +- +not looked into: it has no shell$/,
      /^frontend +sha256:abababababab +- +- +- +NOT KNOWN: it is not on this Docker host$/,
      /^Fixes that ops, restore lack$/,
      /^openssl +3\.5\.1-1 +3\.5\.1-1\+deb13u1$/,
      /^npm packages of launcher and ops: not looked into: npm is not installed$/,
      /secrets rotate NAME --stack prod replaces one$/,
      /^appPassword +694 d of 365 +the backend is replaced twice, task by task, and ops$/,
      /^\.\/fitnesscrm images refresh --stack prod has the next deployment build images/,
      /^Stack prod: something is to be done, see above\.$/,
    ]) {
      assert.ok(
        lines.some((each) => line.test(each)),
        `${line} is not in\n${text}`,
      );
    }
    assert.doesNotMatch(text, /^tzdata/m);
  });
});

describe("images of a stack", () => {
  it("are looked into once, whoever runs them", () => {
    assert.deepEqual(
      imagesOf([
        { service: "db", image: "a" },
        { service: "ops", image: "b" },
        { service: "restore", image: "b" },
      ]),
      [
        { image: "a", services: ["db"] },
        { image: "b", services: ["ops", "restore"] },
      ],
    );
  });

  const runs: [code: number, stderr: string, look: PackageLook][] = [
    [
      127,
      'docker: Error response from daemon: failed to create task: exec: "/bin/sh": stat /bin/sh: no such file or directory',
      { state: "not-looked", reason: "it has no shell" },
    ],
    [
      125,
      "docker: Error response from daemon: No such image: sha256:abc.\nSee 'docker run --help'.",
      { state: "failed", reason: "it is not on this Docker host" },
    ],
    [124, "", { state: "failed", reason: "its package archives gave no answer within 300 seconds" }],
    [127, "spawn docker ENOENT", { state: "failed", reason: "spawn docker ENOENT" }],
    [1, "", { state: "failed", reason: "its container ended with exit code 1" }],
  ];
  for (const [code, stderr, expected] of runs) {
    it(`that cannot be looked into say why: exit code ${code}, ${stderr.slice(0, 40)}`, () => {
      assert.deepEqual(judgeRun({ code, stdout: "", stderr }), expected);
    });
  }
});

/** A `docker` that writes its calls down, and of which `run` does what `$RUN` says. */
const FAKE = `#!/bin/sh
echo "$*" | head -n 1 >>"$CALLS"
case "$1 $2" in
  "service ls") echo "$SERVICES" ;;
  "service inspect")
    case "$*" in
      *--format*) printf 'ops %s\\nbackend app@sha256:1\\nrestore %s\\ndb sha256:2\\n' "$IMAGE" "$IMAGE" ;;
      *) echo '[{"ID":"s1","Spec":{"Name":"x","Mode":{}}}]' ;;
    esac ;;
  run*) eval "$RUN" ;;
esac
`;

describe("the container that looks into an image", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  async function use<T>(
    environment: Record<string, string>,
    body: (docker: DockerHost) => Promise<T>,
  ): Promise<{ value: T; calls: string[] }> {
    const bin = folders.create();
    writeScript(bin, "docker", FAKE);
    const calls = join(folders.create(), "calls");
    const value = await withEnvironment(
      { PATH: `${bin}:${process.env.PATH}`, CALLS: calls, IMAGE: ID, SERVICES: "s1", ...environment },
      () => body(new DockerHost("")),
    );
    return { value, calls: existsSync(calls) ? readFileSync(calls, "utf8").trimEnd().split("\n") : [] };
  }

  const NEITHER = "echo '== neither'; echo '== end'";

  it("has no capability, nothing of the stack, and is removed", async () => {
    const { value, calls } = await use({ RUN: NEITHER }, (docker) => lookAtImage(docker, "unit", ID));
    assert.deepEqual(value, { state: "not-looked", reason: "it has neither dpkg with apt nor apk" });
    const [run = "", remove = ""] = calls;
    const name = /--name (fitnesscrm-unit-scan-[0-9a-f]{8}) /.exec(run)?.[1];
    assert.ok(name !== undefined, run);
    for (const part of [
      "--rm",
      "--pull never",
      "--cap-drop ALL",
      "--security-opt no-new-privileges",
      `--entrypoint /bin/sh ${ID} -c #!/bin/sh`,
    ]) {
      assert.ok(run.includes(` ${part}`), `${part} is not in ${run}`);
    }
    assert.doesNotMatch(run, /--(privileged|volume|mount|env|network|secret)\b| -[ve] /);
    assert.equal(remove, `container rm --force ${name}`);
  });

  it("is removed as well when it fails", async () => {
    const { value, calls } = await use({ RUN: "echo 'docker: no space left' >&2; exit 125" }, (docker) =>
      lookAtImage(docker, "unit", ID),
    );
    assert.deepEqual(value, { state: "failed", reason: "docker: no space left" });
    assert.match(calls[1] ?? "", /^container rm --force fitnesscrm-unit-scan-/);
  });

  it("is one an image, in the order of the services", async () => {
    const { value } = await use({ RUN: NEITHER }, async (docker) =>
      lookAtImages(docker, "unit", await stackImages(docker, "unit"), () => {}),
    );
    assert.deepEqual(
      value.map(({ image: reference, services }) => [reference, services]),
      [
        ["sha256:2", ["db"]],
        ["app@sha256:1", ["backend"]],
        [ID, ["ops", "restore"]],
      ],
    );
  });

  it("is not made for a stack that has no services", async () => {
    await assert.rejects(
      use({ RUN: NEITHER, SERVICES: "" }, (docker) => stackImages(docker, "unit")),
      { message: "stack unit has no services here: run ./fitnesscrm up --stack unit" },
    );
  });
});
