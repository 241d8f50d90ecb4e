import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { type PackageLook, readPackages } from "../../../../cli/security/packages";
import { TempFolders, writeScript } from "../../../support/temp";

const MAIN = "http://archive.example.com/debian trixie/main amd64 Packages";
const SECURITY = "http://archive.example.com/debian-security trixie-security/main amd64 Packages";
const STATUS = "        100 /var/lib/dpkg/status";
const ARCHIVES = `Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 ${SECURITY}
     release v=13,o=Debian,a=stable-security,n=trixie-security,l=Debian-Security,c=main,b=amd64
     origin archive.example.com
 500 ${MAIN}
     release v=13.1,o=Debian,a=stable,n=trixie,l=Debian,c=main,b=amd64
Pinned packages:
`;
const BASH = `bash:
  Installed: 5.2.37-2
  Candidate: 5.2.37-2
  Version table:
 *** 5.2.37-2 500
        500 ${MAIN}
${STATUS}
`;

const debian = (policy: string, archives = ARCHIVES): string =>
  `== system Debian GNU/Linux 13 (trixie)\n== archives\n${archives}== policy\n${policy}== end\n`;

/** A package with versions above the installed one, newest first. */
const outdated = (name: string, newer: readonly [version: string, ...archives: string[]][]): string =>
  [
    `${name}:`,
    "  Installed: 1.0-1",
    `  Candidate: ${newer[0]?.[0]}`,
    "  Version table:",
    ...newer.flatMap(([version, ...archives]) => [
      `     ${version} 500`,
      ...archives.map((archive) => `        500 ${archive}`),
    ]),
    " *** 1.0-1 100",
    STATUS,
    "     0.9-1 500",
    `        500 ${SECURITY}`,
    "",
  ].join("\n");

function looked(output: string): Extract<PackageLook, { state: "looked" }> {
  const look = readPackages(output);
  assert.ok(look.state === "looked", JSON.stringify(look));
  return look;
}

describe("packages of an image that is Debian", () => {
  const table: [title: string, newer: Parameters<typeof outdated>[1], fixed: string, security: boolean][] = [
    ["a fix from the security archive", [["1.0-1+deb13u1", SECURITY]], "1.0-1+deb13u1", true],
    ["the same fix in both archives", [["1.0-1+deb13u1", SECURITY, MAIN]], "1.0-1+deb13u1", true],
    [
      "a fix that a point release has overtaken: the candidate is no security update, what it contains is",
      [
        ["1.0-1+deb13u2", MAIN],
        ["1.0-1+deb13u1", SECURITY],
      ],
      "1.0-1+deb13u1",
      true,
    ],
    [
      "two fixes, of which the older one was the first that was needed",
      [
        ["1.0-1+deb13u2", SECURITY],
        ["1.0-1+deb13u1", SECURITY],
      ],
      "1.0-1+deb13u1",
      true,
    ],
    ["an update that is none of security", [["1.0-2", MAIN]], "1.0-2", false],
    [
      "an archive that says so by its address alone",
      [["1.0-2", "http://archive.example.com/debian-security/ buster/updates/main amd64 Packages"]],
      "1.0-2",
      true,
    ],
  ];
  for (const [title, newer, fixed, security] of table) {
    it(`lack ${title}`, () => {
      const { updates, packages, system, warning } = looked(
        debian(`${BASH}${outdated("libssl3t64", newer)}`),
      );
      assert.deepEqual(updates, [{ name: "libssl3t64", installed: "1.0-1", fixed, security }]);
      assert.deepEqual([packages, system, warning], [2, "Debian GNU/Linux 13 (trixie)", undefined]);
    });
  }

  it("are read through odd lines: priorities below zero, phased updates, foreign architectures, epochs", () => {
    const policy = [
      "libc6:i386:",
      "  Installed: 1:2.41-12",
      "  Candidate: 1:2.41-12+deb13u1",
      "  Version table:",
      "     1:2.41-12+deb13u1 500 (phased 30%)",
      `        500 ${SECURITY}`,
      " *** 1:2.41-12 100",
      STATUS,
      "pinned:",
      "  Installed: 1.0",
      "  Candidate: 1.0",
      "  Package pin: 1.0",
      "  Version table:",
      "     1.1 -1",
      `        -1 ${SECURITY}`,
      " *** 1.0 1000",
      STATUS,
      "N: Unable to locate package gone",
      "known:",
      "  Installed: (none)",
      "  Candidate: 3",
      "  Version table:",
      "     3 500",
      `        500 ${SECURITY}`,
      "",
    ].join("\n");
    const { updates, packages } = looked(debian(policy));
    assert.deepEqual(updates, [
      { name: "libc6:i386", installed: "1:2.41-12", fixed: "1:2.41-12+deb13u1", security: true },
      { name: "pinned", installed: "1.0", fixed: "1.1", security: true },
    ]);
    assert.equal(packages, 2);
  });

  it("are not said to be up to date where nothing could tell of a fix", () => {
    const none = looked(debian(BASH, "Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n"));
    assert.match(none.warning ?? "", /^its apt has no package archive at all/);
    const noSecurity = looked(debian(BASH, `Package files:\n 500 ${MAIN}\n`));
    assert.match(noSecurity.warning ?? "", /^its apt has no security archive/);
  });

  it("are found by where they stand, whatever their versions are called", () => {
    const version = fc.stringMatching(/^[0-9][A-Za-z0-9.+~-]{0,12}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(version, fc.boolean()), { maxLength: 5 }), (newer) => {
        const { updates } = looked(
          debian(
            outdated(
              "p",
              newer.map(([name, fix]) => [name, fix ? SECURITY : MAIN] as const).map((pair) => [...pair]),
            ),
          ),
        );
        const fix = newer.findLast(([, security]) => security);
        const expected = fix ?? newer[0];
        assert.deepEqual(
          updates,
          expected === undefined
            ? []
            : [{ name: "p", installed: "1.0-1", fixed: expected[0], security: fix !== undefined }],
        );
      }),
    );
  });
});

describe("packages of an image that is Alpine", () => {
  it("are compared line by line; each newer one counts as a fix", () => {
    const output = [
      "== system Alpine Linux v3.20",
      "== installed",
      "musl",
      "busybox",
      "",
      "== outdated",
      "Installed:                                Available:",
      "busybox-1.36.1-r15                      < 1.36.1-r29",
      "ca-certificates-bundle-20240226-r0      < 20250911-r0",
      "py3-zope.interface-6.4-r1 < 6.4.1-r0 @edge",
      "musl-1.2.5-r0                           = 1.2.5-r0",
      "== end",
      "",
    ].join("\n");
    assert.deepEqual(readPackages(output), {
      state: "looked",
      system: "Alpine Linux v3.20",
      packages: 2,
      updates: [
        { name: "busybox", installed: "1.36.1-r15", fixed: "1.36.1-r29", security: true },
        { name: "ca-certificates-bundle", installed: "20240226-r0", fixed: "20250911-r0", security: true },
        { name: "py3-zope.interface", installed: "6.4-r1", fixed: "6.4.1-r0", security: true },
      ],
    });
  });
});

describe("packages that could not be compared", () => {
  const cases: [title: string, output: string, look: PackageLook][] = [
    [
      "an image with neither",
      "== system Arch Linux\n== neither\n== end\n",
      { state: "not-looked", reason: "it has neither dpkg with apt nor apk" },
    ],
    [
      "an archive that is away, told without its address",
      "== system Debian\n== unreachable E: Failed to fetch http://archive.example.com/debian/dists/trixie/InRelease  Could not connect\n",
      {
        state: "failed",
        reason: "its package archives cannot be reached: Failed to fetch … Could not connect",
      },
    ],
    [
      "an archive that is away without a word",
      "== unreachable \n",
      { state: "failed", reason: "its package archives cannot be reached: no reason was given" },
    ],
    [
      "a list that ends in its middle",
      debian(BASH).replace("== end\n", ""),
      { state: "failed", reason: "its packages could not be listed to their end" },
    ],
    ["nothing at all", "", { state: "failed", reason: "its packages could not be listed to their end" }],
  ];
  for (const [title, output, look] of cases) {
    it(`of ${title}`, () => assert.deepEqual(readPackages(output), look));
  }
});

describe("the script that lists them", function () {
  this.timeout(20_000);
  const folders = new TempFolders();
  after(() => folders.remove());
  const TOOLS = ["sh", "mktemp", "mkdir", "grep", "sed", "head", "tail", "cat"];

  /** Runs it with nothing on its path but what it needs and the given commands. */
  function run(commands: Readonly<Record<string, string>>): PackageLook & { calls?: string } {
    const bin = folders.create();
    for (const tool of TOOLS) {
      const path = ["/bin", "/usr/bin"].map((folder) => join(folder, tool));
      symlinkSync(
        spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim() || (path[0] ?? ""),
        join(bin, tool),
      );
    }
    for (const [name, body] of Object.entries(commands)) {
      chmodSync(writeScript(bin, name, `#!/bin/sh\n${body}\n`), 0o755);
    }
    // The script adds the system's folders; a copy without them is what an image without these commands has.
    const script = spawnSync("sed", ["/^export LC_ALL/d", resolve("cli/security/packages.sh")], {
      encoding: "utf8",
    }).stdout;
    const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", script], {
      encoding: "utf8",
      env: { PATH: bin, TMPDIR: folders.create(), LC_ALL: "C" },
    });
    assert.equal(status, 0, stderr);
    return readPackages(stdout);
  }

  const APT_CACHE = `case "$*" in
  *" policy") cat <<'END'
${ARCHIVES}END
  ;;
  *" policy bash libssl3t64") cat <<'END'
${BASH}${outdated("libssl3t64", [["1.0-1+deb13u1", SECURITY]])}END
  ;;
  *) echo "unexpected: $*" ;;
esac`;
  const DPKG = "echo 'installed bash'; echo 'config-files gone'; echo 'installed libssl3t64'";

  it("asks apt for what is installed, of lists of its own", () => {
    const look = run({
      "dpkg-query": DPKG,
      // Updates only what was made for it.
      "apt-get": 'case "$*" in *Dir::State::Lists=*Error-Mode=any*update) ;; *) exit 9 ;; esac',
      "apt-cache": APT_CACHE,
    });
    assert.ok(look.state === "looked", JSON.stringify(look));
    assert.equal(look.packages, 2);
    assert.deepEqual(look.updates, [
      { name: "libssl3t64", installed: "1.0-1", fixed: "1.0-1+deb13u1", security: true },
    ]);
  });

  const away: [title: string, aptGet: string][] = [
    [
      "by an error",
      "echo 'Err:1 http://a InRelease'; echo 'E: Failed to fetch http://a  Could not resolve a' >&2; exit 100",
    ],
    ["by a warning only, as apt did for years", "echo 'W: Failed to fetch http://a  Could not resolve a'"],
  ];
  for (const [title, aptGet] of away) {
    it(`says so when an archive is away: ${title}`, () => {
      assert.deepEqual(run({ "dpkg-query": DPKG, "apt-get": aptGet, "apt-cache": APT_CACHE }), {
        state: "failed",
        reason: "its package archives cannot be reached: Failed to fetch … Could not resolve a",
      });
    });
  }

  it("asks apk, whose archives may be away as well", () => {
    const apk = (update: string): string =>
      `case "$*" in
        update) ${update} ;;
        info) echo busybox ;;
        "version -l <") echo "busybox-1.36.1-r15 < 1.36.1-r29" ;;
        *) exit 9 ;;
      esac`;
    const look = run({ apk: apk("echo 'OK: 24000 distinct packages available'") });
    assert.ok(look.state === "looked", JSON.stringify(look));
    assert.deepEqual([look.packages, look.updates.map(({ name }) => name)], [1, ["busybox"]]);
    assert.deepEqual(run({ apk: apk("echo 'WARNING: fetching https://a/main: temporary error'") }), {
      state: "failed",
      reason: "its package archives cannot be reached: fetching … temporary error",
    });
  });

  it("says that there is neither", () => {
    assert.deepEqual(run({}), { state: "not-looked", reason: "it has neither dpkg with apt nor apk" });
  });
});
