import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { Home, hashOf, replaceFolder } from "../../../toolchain/home";
import { homeFolder, timesByStep } from "../../../toolchain/index";
import { identify, isRunning, isSame } from "../../../toolchain/processes";
import { turnsIn } from "../../../toolchain/turns";
import { compareVersions, parseVersion } from "../../../toolchain/versions";
import { scratch } from "./fakes";

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? -1;
}

describe("home folder", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
  });
  afterEach(() => made.remove());

  it("is FITNESSCRM_HOME, else in the user's data folder", () => {
    assert.equal(homeFolder({ FITNESSCRM_HOME: "/h", XDG_DATA_HOME: "/x", HOME: "/u" }), "/h");
    assert.equal(homeFolder({ XDG_DATA_HOME: "/x", HOME: "/u" }), "/x/fitnesscrm");
    assert.equal(homeFolder({ HOME: "/u" }), "/u/.local/share/fitnesscrm");
    assert.throws(() => homeFolder({}), /set FITNESSCRM_HOME to a folder/);
  });

  it("knows a program by version, and not one that was written over or has no stamp yet", async () => {
    const install = async (version: string) => {
      await writeFile(join(made.home.cache, "new"), "program");
      await made.home.installProgram(join(made.home.cache, "new"), "tool", version, "way");
    };
    await install("1.0");
    assert.deepEqual(await made.home.program("tool", "1.0"), {
      path: join(made.home.bin, "tool"),
      way: "way",
    });
    assert.equal(await made.home.program("tool", "1.1"), undefined);
    await rm(join(made.home.bin, ".tool.json"));
    assert.equal(await made.home.program("tool", "1.0"), undefined);
    await install("1.0");
    await writeFile(join(made.home.bin, "tool"), "prog");
    assert.equal(await made.home.program("tool", "1.0"), undefined);
  });

  it("loses what processes that are gone left half done, and nothing of those that run", async () => {
    const gone = join(made.home.cache, `tmp-${await endedProcess()}-build-1`);
    const mine = join(made.home.cache, `tmp-${process.pid}-build-1`);
    for (const folder of [gone, mine]) await mkdir(folder);
    await made.home.prepare();
    assert.deepEqual(await readdir(made.home.cache), [`tmp-${process.pid}-build-1`]);
  });

  it("keeps no temporary folder after work that failed", async () => {
    await assert.rejects(
      made.home.inTemporary("x", async (folder) => {
        await writeFile(join(folder, "half"), "");
        throw new Error("broken");
      }),
      { message: "broken" },
    );
    assert.deepEqual(await readdir(made.home.cache), []);
  });

  it("swaps a folder for another one, whether or not there was one", async () => {
    const target = join(made.home.folder, "deep/target");
    for (const content of ["one", "two"]) {
      const fresh = join(made.home.cache, content);
      await mkdir(fresh);
      await writeFile(join(fresh, "file"), content);
      await replaceFolder(fresh, target);
      assert.equal(await readFile(join(target, "file"), "utf8"), content);
    }
    assert.deepEqual(await readdir(join(made.home.folder, "deep")), ["target"]);
  });

  it("hashes names and contents, so that moving text between files counts", async () => {
    const folder = join(made.home.cache, "sources");
    await mkdir(join(folder, "sub"), { recursive: true });
    const hashes = new Set<string>();
    for (const [a, b] of [
      ["xy", ""],
      ["x", "y"],
      ["", "xy"],
    ]) {
      await writeFile(join(folder, "a"), a ?? "");
      await writeFile(join(folder, "sub/b"), b ?? "");
      hashes.add(await hashOf([folder]));
    }
    assert.equal(hashes.size, 3);
    assert.notEqual(await hashOf([folder], ["1"]), await hashOf([folder], ["2"]));
    assert.equal(await hashOf([folder]), await hashOf([folder]));
  });
});

describe("processes", () => {
  it("are known by number and start, and a zombie or another process of the same number is not the same", async () => {
    const me = await identify(process.pid);
    assert.match(me.started ?? "", /^\d+@[0-9a-f-]{36}$/);
    assert.equal(await isSame(me), true);
    assert.equal(await isSame({ ...me, started: "1@other" }), false);
    const gone = await endedProcess();
    assert.equal(await isRunning(gone), false);
    assert.deepEqual(await identify(gone), { pid: gone });
  });
});

describe("turns between processes", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
  });
  afterEach(() => made.remove());

  it("let one work at a time, and say who is waited for", async () => {
    const take = turnsIn(join(made.home.cache, "turns"), 5);
    const waits: string[] = [];
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const give = await take("Pulumi CLI", (text) => waits.push(text));
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 10));
        inside--;
        await give();
      }),
    );
    assert.equal(most, 1);
    assert.ok(waits.includes(`process ${process.pid} is getting it`));
    assert.deepEqual(await readdir(join(made.home.cache, "turns")), []);
  });

  it("are taken over from a process that is gone, whose number another one may have, or whose file is damaged", async () => {
    const folder = join(made.home.cache, "turns");
    const take = turnsIn(folder, 5);
    for (const holder of [
      JSON.stringify({ pid: await endedProcess(), started: "5@old" }),
      JSON.stringify({ pid: process.pid, started: "5@old" }),
      "{",
    ]) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "go.lock"), holder);
      const give = await take("Go", () => {});
      await give();
      assert.deepEqual(await readdir(folder), []);
    }
  });
});

describe("versions", () => {
  it("are found in what programs print", () => {
    assert.deepEqual(parseVersion("go version go1.26.6 linux/amd64"), [1, 26, 6]);
    assert.deepEqual(parseVersion("v3.259.0\n"), [3, 259, 0]);
    assert.equal(parseVersion("unknown"), undefined);
  });

  it("are ordered part by part, missing ones being 0", () => {
    const version = fc.array(fc.nat(50), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(version, version, fc.nat(3), (a, b, zeros) => {
        assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
        assert.equal(compareVersions(a, [...a, ...Array<number>(zeros).fill(0)]), 0);
        assert.ok(compareVersions([...a, 1], a) > 0);
      }),
    );
    assert.ok(compareVersions([3, 300], [3, 259, 0]) > 0);
  });
});

describe("times by step", () => {
  it("lists what was got, and leaves out what was there", () => {
    assert.deepEqual(
      timesByStep([
        { tool: "Docker engine", what: "x", way: "already there", seconds: 0 },
        { tool: "Pulumi CLI", what: "x", way: "Go module", seconds: 178.26 },
        { tool: "Go", what: "x", way: "Python package", seconds: 10.4 },
      ]),
      ["Pulumi CLI   178.3 s  Go module", "Go            10.4 s  Python package"],
    );
  });
});

describe("home of another user", () => {
  it("is reported by the system's own error, which names the folder", async () => {
    const { home, remove } = await scratch();
    try {
      await writeFile(join(home.folder, "file"), "");
      await assert.rejects(new Home(join(home.folder, "file/home")).prepare(), /ENOTDIR.*file\/home/);
    } finally {
      await remove();
    }
  });
});
