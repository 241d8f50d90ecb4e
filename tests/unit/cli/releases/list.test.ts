import assert from "node:assert/strict";
import type { StackState } from "../../../../cli/pulumi";
import { DiyHistory } from "../../../../cli/releases/diyHistory";
import { formatReleases, jsonOf } from "../../../../cli/releases/format";
import type { History, UpdateInfo } from "../../../../cli/releases/history";
import { readReleases, releasesIn } from "../../../../cli/releases/list";
import { attemptIn, releaseIn } from "../../../../cli/releases/release";
import { findRelease } from "../../../../cli/releases/releases";
import { RecordedStore } from "./recorded";

const IMAGE = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** A history of updates that each leave the state that they are given. */
function historyOf(
  updates: readonly (Partial<UpdateInfo> & { state?: StackState })[],
  reads: number[] = [],
): History {
  return {
    updates: async () =>
      updates.map(({ state: _state, ...update }, index) => ({
        version: index + 1,
        kind: "update",
        result: "succeeded",
        startedAt: "2026-11-25T10:00:00.000Z",
        endedAt: "2026-11-25T10:01:00.000Z",
        changes: { update: 1 },
        ...update,
      })),
    state: async (version) => {
      reads.push(version);
      return updates[version - 1]?.state;
    },
  };
}

function stateOf(release: object, gate?: object): StackState {
  return {
    resources: [
      {
        urn: "urn:pulumi:unit::fitnesscrm::pulumi:pulumi:Stack::fitnesscrm-unit",
        type: "pulumi:pulumi:Stack",
        outputs: { release },
      },
      ...(gate === undefined
        ? []
        : [
            {
              urn: "urn:pulumi:unit::fitnesscrm::command:local:Command::gate-before",
              type: "command:local:Command",
              outputs: { stdout: JSON.stringify(gate) },
            },
          ]),
    ],
  };
}

const released = (attempt: string): object => ({ attempt, images: { backend: IMAGE("a") } });

describe("releases", () => {
  it("are the updates that brought one, and those that failed, newest first", async () => {
    const store = new RecordedStore();
    const entries = (await readReleases(new DiyHistory(store, "recorded"), 50)).map(jsonOf);
    assert.deepEqual(
      entries.map(({ version, result, current, attempt, commit, backup, pinned }) => ({
        version,
        result,
        current,
        attempt,
        commit: commit?.slice(0, 2) ?? null,
        backup,
        pinned,
      })),
      [
        {
          version: 7,
          result: "succeeded",
          current: true,
          attempt: "20261125t100600z-0005",
          commit: "11",
          backup: "20261125T100601Z-cccc",
          pinned: 1,
        },
        {
          version: 6,
          result: "failed",
          current: false,
          attempt: null,
          commit: null,
          backup: null,
          pinned: null,
        },
        {
          version: 4,
          result: "succeeded",
          current: false,
          attempt: "20261125t100300z-0003",
          commit: "33",
          backup: "20261125T100301Z-bbbb",
          pinned: null,
        },
        {
          version: 3,
          result: "failed",
          current: false,
          attempt: "20261125t100200z-0002",
          commit: "22",
          backup: "20261125T100201Z-aaaa",
          pinned: null,
        },
        {
          version: 1,
          result: "succeeded",
          current: false,
          attempt: "20261125t100000z-0001",
          commit: "11",
          backup: null,
          pinned: null,
        },
      ],
    );
    assert.deepEqual(entries[0]?.images, entries[4]?.images);
    assert.notEqual(
      entries[3]?.images.backend,
      entries[4]?.images.backend,
      "what failed had an image of its own",
    );
    assert.equal(entries[2]?.dirty, true);
    assert.deepEqual(entries[4]?.app, {
      source: "../FitnessCRM",
      version: "1.0",
      environment: { FEATURE: "1.0" },
      logLevel: "INFO",
      allowedOrigins: [],
    });
  });

  it("are read no further than they are asked for, and never where nothing changed", async () => {
    const store = new RecordedStore();
    const history = new DiyHistory(store, "recorded");
    await readReleases(history, 1);
    const read = (): string[] => store.reads.filter((key) => key.includes(".checkpoint."));
    // The release before has to be seen, to know which update brought the newest.
    assert.deepEqual(
      read(),
      [7, 6, 4].map((version) => store.key(version, "checkpoint")),
    );
    store.reads.length = 0;
    await readReleases(history, 50);
    assert.ok(!read().includes(store.key(2, "checkpoint")));
    assert.ok(!read().includes(store.key(5, "checkpoint")));
  });

  it("count a row of updates of one release once, by the number of the first", async () => {
    const entries = await readReleases(
      historyOf([
        { state: stateOf(released("a")) },
        { state: stateOf(released("b")) },
        { state: stateOf(released("b")) },
        { kind: "refresh", state: stateOf(released("b")) },
        { result: "failed", state: stateOf(released("b"), { attempt: "b" }) },
        { state: stateOf(released("b")) },
      ]),
      50,
    );
    assert.deepEqual(
      entries.map(({ version, result, current }) => [version, result, current]),
      [
        [5, "failed", false],
        [2, "succeeded", true],
        [1, "succeeded", false],
      ],
    );
  });

  it("are held by a rollback for as long as the newest state of their row says so", async () => {
    const [newest] = await readReleases(
      historyOf([
        { state: stateOf({ ...released("a"), pinned: 7 }) },
        { state: stateOf({ ...released("a"), pinned: null }) },
      ]),
      50,
    );
    assert.deepEqual([newest?.version, newest?.release?.pinned], [1, null]);
  });

  it("tell states without attempts apart by their images", async () => {
    const old = (digit: string): StackState =>
      stateOf({ commit: "1".repeat(40), dirty: false, version: "1.0", images: { backend: IMAGE(digit) } });
    const entries = await readReleases(
      historyOf([
        { state: old("a") },
        { state: old("a") },
        { state: old("b") },
        { state: stateOf(released("x")) },
      ]),
      50,
    );
    assert.deepEqual(
      entries.map(({ version }) => version),
      [4, 3, 1],
    );
    // What its environment was is not known, which is something else than none.
    assert.equal(entries[1]?.release?.app, null);
  });

  it("give the facts of an attempt to the update that made it, not to the ones after it", async () => {
    const gate = { attempt: "b", backup: "20261125T100201Z-aaaa" };
    const entries = await readReleases(
      historyOf([
        { state: stateOf(released("a")) },
        { result: "failed", state: stateOf(released("a"), gate) },
        { result: "failed", state: stateOf(released("a"), gate) },
      ]),
      50,
    );
    assert.deepEqual(
      entries.map(({ version, release }) => [version, release?.backup]),
      [
        [3, undefined],
        [2, "20261125T100201Z-aaaa"],
        [1, null],
      ],
    );
  });

  it("still show one whose state is gone, as one of which nothing is known", async () => {
    const entries = await readReleases(historyOf([{ state: stateOf(released("a")) }, {}]), 50);
    assert.deepEqual(
      entries.map(({ version, current, release }) => [version, current, release === undefined]),
      [
        [2, true, true],
        [1, false, false],
      ],
    );
  });

  it("have no current one once the stack was destroyed", async () => {
    const entries = await readReleases(
      historyOf([{ state: stateOf(released("a")) }, { kind: "destroy", state: { resources: [] } }]),
      50,
    );
    assert.deepEqual(
      entries.map(({ version, current }) => [version, current]),
      [[1, false]],
    );
  });

  it("that failed name the images that services were to run, and not the base that a refresh built them on", () => {
    const command = (name: string, id: string) => ({
      urn: `urn:pulumi:unit::fitnesscrm::fitnesscrm:images:Image$command:local:Command::${name}`,
      type: "command:local:Command",
      inputs: { environment: { IMAGE: `fitnesscrm/${name}:1`, CONTEXT: `images/${name}` } },
      outputs: { stdout: JSON.stringify({ id, entrypoint: null, cmd: null }) },
    });
    const state = stateOf(released("a"), { attempt: "b" });
    state.resources?.push(command("packages", IMAGE("1")), command("postgres", IMAGE("2")));
    assert.deepEqual(attemptIn(state)?.images, { db: IMAGE("2") });
  });

  it("do not show what stands encrypted in a state", () => {
    const secret = {
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      ciphertext: "v1:x",
    };
    assert.equal(releaseIn(stateOf(secret)), undefined);
    assert.equal(attemptIn(stateOf(secret)), undefined);
  });

  it("are found by number and by attempt", async () => {
    const history = new DiyHistory(new RecordedStore(), "recorded");
    assert.equal((await findRelease(history, "4", "recorded")).version, 4);
    assert.equal((await findRelease(history, "20261125t100200z-0002", "recorded")).version, 3);
    await assert.rejects(findRelease(history, "2", "recorded"), {
      message:
        "release 2 of stack recorded is not in the history of its state: ./fitnesscrm releases lists those that are",
    });
  });

  it("are a table for a person", async () => {
    const entries = await readReleases(new DiyHistory(new RecordedStore(), "recorded"), 50);
    const lines = formatReleases(entries, "recorded").split("\n");
    assert.equal(lines.length, 6);
    assert.match(lines[0] ?? "", /^VERSION {2}TIME .* RESULT .* COMMIT .* BACKUP BEFORE .* BY/);
    assert.match(
      lines[1] ?? "",
      /^ {6}7 {2}.*succeeded {2}111111111111 .*ada@workstation {2}current, rollback to 1$/,
    );
    assert.match(lines[3] ?? "", /^ {6}4 {2}.*333333333333\+ /);
    assert.equal(formatReleases([], "unit"), "Stack unit has no release yet: ./fitnesscrm up makes one.");
  });

  it("are a sequence that ends", async () => {
    const seen: number[] = [];
    for await (const { version } of releasesIn(historyOf([]))) {
      seen.push(version);
    }
    assert.deepEqual(seen, []);
  });
});
