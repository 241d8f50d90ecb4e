import assert from "node:assert/strict";
import fc from "fast-check";
import { TaskAbort } from "../../../../ops/tasks/runner";
import {
  readJournalOf,
  readLastRun,
  readWindowJournal,
  writeWindowJournal,
} from "../../../../ops/window/journal";
import { runWindow, type Step } from "../../../../ops/window/run";
import { TempFolders } from "../../../support/temp";
import { FakeClock } from "../tasks/fakeClock";

const WINDOW = { from: new Date("2026-12-06T07:00:00Z"), to: new Date("2026-12-06T09:00:00Z") };
const NAMES = ["backup", "health", "images", "vacuum", "indexes", "archive", "certificates", "verification"];
const STOPPING = ["backup", "health"];

describe("a maintenance window's steps", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  interface Setup {
    folder?: string;
    at?: string;
    rehearsal?: boolean;
    /** A last step, which hears how the window ended. */
    last?: (end: string | undefined) => Promise<string>;
    /** What becomes of a step; it passes where nothing is said. */
    work?: (name: string, clock: FakeClock, stop: AbortController) => Promise<string | { skipped: string }>;
  }

  /** One start of ops in a window. */
  function start({
    folder = folders.create(),
    at = "2026-12-06T07:00:00Z",
    rehearsal = false,
    last,
    work,
  }: Setup = {}) {
    const clock = FakeClock.at(at);
    const stop = new AbortController();
    const ran: string[] = [];
    const steps = NAMES.map(
      (name): Step => ({
        name,
        failure: STOPPING.includes(name) ? "stop" : "go on",
        run: async () => {
          ran.push(name);
          return work === undefined ? `${name} done` : work(name, clock, stop);
        },
      }),
    );
    const result = runWindow({
      window: WINDOW,
      rehearsal,
      steps,
      ...(last !== undefined && {
        last: { name: "notices", failure: "go on", run: ({ end }) => last(end) },
      }),
      folder,
      clock,
      signal: stop.signal,
      log: () => undefined,
    });
    return { result, ran, folder, clock, journal: () => readJournalOf(folder, WINDOW.from) };
  }

  it("run in order, each once, and each has its result in the journal", async () => {
    const { result, ran, journal } = start({
      work: async (name) => (name === "archive" ? { skipped: "no rule" } : `${name} done`),
    });
    await result;
    assert.deepEqual(ran, NAMES);
    const found = await journal();
    assert.equal(found?.state, "done");
    assert.deepEqual(
      found?.steps.map(({ name, result: how, detail }) => [name, how, detail]),
      NAMES.map((name) =>
        name === "archive" ? [name, "skipped", "no rule"] : [name, "passed", `${name} done`],
      ),
    );
    assert.ok(found?.steps.every(({ endedAt }) => endedAt !== null));
  });

  for (const failing of STOPPING) {
    it(`stop where ${failing} fails, with its reason: nothing else is begun`, async () => {
      const { result, ran, journal } = start({
        work: async (name) => {
          if (name === failing) throw new Error("S3 does not answer");
          return "done";
        },
      });
      await assert.rejects(result, new Error(`the window was stopped: ${failing}: S3 does not answer`));
      assert.deepEqual(ran, NAMES.slice(0, NAMES.indexOf(failing) + 1));
      assert.equal((await journal())?.state, "stopped");
    });
  }

  it("go on where another one fails, and the window has failed all the same", async () => {
    const { result, ran, journal } = start({
      work: async (name) => {
        if (name === "archive") throw new Error("there is no such table");
        return "done";
      },
    });
    await assert.rejects(result, new Error("archive: there is no such table"));
    assert.deepEqual(ran, NAMES);
    assert.equal((await journal())?.state, "done");
    assert.equal((await journal())?.steps.find(({ name }) => name === "archive")?.result, "failed");
  });

  it("end before the next one when the window's end has come, and the one that is under way is let end", async () => {
    const { result, ran, journal } = start({
      work: async (name, clock) => {
        if (name === "vacuum") clock.set("2026-12-06T09:00:00Z");
        return "done";
      },
    });
    await assert.rejects(
      result,
      new Error("the window ran over its end: the window's end came before the step indexes"),
    );
    assert.deepEqual(ran, NAMES.slice(0, 4));
    assert.equal((await journal())?.state, "overran");
    assert.equal((await journal())?.steps.at(-1)?.result, "passed");
  });

  it("are begun a moment before the end, and not at it", async () => {
    const late = start({ at: "2026-12-06T08:59:59.999Z" });
    await late.result;
    assert.deepEqual(late.ran, NAMES);
    const over = start({ at: "2026-12-06T09:00:00Z" });
    await assert.rejects(over.result, /ran over its end: the window's end came before the step backup/);
    assert.deepEqual(over.ran, []);
  });

  it("that take longer than the task may are ended, and it says so", async () => {
    const { result, ran, journal } = start({
      work: async (name, _clock, stop) => {
        if (name === "indexes") {
          stop.abort(new TaskAbort("failed", "took longer than its limit of 180 minutes"));
          throw new Error("connection closed");
        }
        return "done";
      },
    });
    await assert.rejects(result, /ran over its end: indexes: took longer than its limit of 180 minutes/);
    assert.deepEqual(ran, NAMES.slice(0, 5));
    assert.equal((await journal())?.state, "overran");
  });

  /** What stops ops: its container is told to, or it is killed and can write nothing more. */
  const STOPS = {
    "told to stop": (stop: AbortController): never => {
      stop.abort(new TaskAbort("interrupted", "was stopped with its container"));
      throw new Error("connection closed");
    },
    killed: (): Promise<never> => new Promise(() => undefined),
  };

  for (const [how, end] of Object.entries(STOPS)) {
    for (const name of NAMES) {
      it(`of which ops is ${how} in ${name} and starts again: ${STOPPING.includes(name) ? "stop" : "go on"}, and none is begun twice`, async () => {
        let reached: () => void = () => undefined;
        const inStep = new Promise<void>((done) => {
          reached = done;
        });
        const first = start({
          work: async (step, _clock, stop) => {
            if (step !== name) return "done";
            reached();
            return end(stop);
          },
        });
        first.result.catch(() => undefined);
        await inStep;
        if (how === "told to stop") {
          await assert.rejects(first.result);
        }
        assert.equal((await first.journal())?.state, "running");

        const second = start({ folder: first.folder, at: "2026-12-06T07:30:00Z" });
        const before = NAMES.slice(0, NAMES.indexOf(name) + 1);
        await assert.rejects(
          second.result,
          new RegExp(`${name}: ops was stopped in it; it is not begun again$`),
        );
        assert.deepEqual(first.ran, before);
        assert.deepEqual(second.ran, STOPPING.includes(name) ? [] : NAMES.slice(before.length));
        const found = await second.journal();
        assert.equal(found?.state, STOPPING.includes(name) ? "stopped" : "done");
        assert.equal(found?.steps.find((step) => step.name === name)?.result, "failed");

        const third = start({ folder: first.folder, at: "2026-12-06T08:00:00Z" });
        await assert.rejects(third.result);
        assert.deepEqual(third.ran, [], "what has ended is not begun again");
      });
    }
  }

  it("are each begun once at most, whatever fails and however often ops is stopped", async () => {
    const outcome = fc.constantFrom("passed", "failed", "skipped", "stopped");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(outcome, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
        async (runs) => {
          const folder = folders.create();
          const began: string[] = [];
          for (const outcomes of runs) {
            const { result, ran } = start({
              folder,
              work: async (name, _clock, stop) => {
                switch (outcomes[NAMES.indexOf(name)]) {
                  case "failed":
                    throw new Error("no");
                  case "skipped":
                    return { skipped: "nothing to do" };
                  case "stopped":
                    return STOPS["told to stop"](stop);
                  default:
                    return "done";
                }
              },
            });
            await result.catch(() => undefined);
            began.push(...ran);
          }
          assert.deepEqual(began, [...new Set(began)]);
          const journal = await readJournalOf(folder, WINDOW.from);
          assert.deepEqual(
            journal?.steps.map(({ name }) => name),
            began,
          );
          const first = journal?.steps.find(
            ({ result, name }) => result === "failed" && STOPPING.includes(name),
          );
          assert.ok(
            first === undefined || journal?.steps.at(-1)?.name === first.name,
            "nothing after what stops",
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  describe("and the last one", () => {
    const ends: [how: string, setup: Setup, end: string, fails: RegExp | undefined][] = [
      ["is done", {}, "done", undefined],
      [
        "is stopped",
        { work: async (name) => (name === "health" ? Promise.reject(new Error("down")) : "done") },
        "stopped",
        /^Error: the window was stopped: health: down$/,
      ],
      [
        "runs over its end",
        {
          work: async (name, clock) => {
            if (name === "vacuum") clock.set("2026-12-06T09:00:00Z");
            return "done";
          },
        },
        "overran",
        /^Error: the window ran over its end: the window's end came before the step indexes$/,
      ],
      [
        "takes longer than the task may",
        {
          work: async (name, _clock, stop) => {
            if (name !== "indexes") return "done";
            stop.abort(new TaskAbort("failed", "took longer than its limit of 180 minutes"));
            throw new Error("connection closed");
          },
        },
        "overran",
        /^Error: the window ran over its end: indexes: took longer than its limit/,
      ],
    ];
    for (const [how, setup, end, fails] of ends) {
      it(`hears that the window ${how}, has a result, and is not begun twice`, async () => {
        const heard: (string | undefined)[] = [];
        const last = async (said: string | undefined): Promise<string> => {
          heard.push(said);
          return "told";
        };
        const { result, journal, folder } = start({ ...setup, last });
        await (fails === undefined ? result : assert.rejects(result, fails));
        assert.deepEqual(heard, [end]);
        const found = await journal();
        assert.equal(found?.state, end);
        assert.deepEqual(
          [found?.steps.at(-1)?.name, found?.steps.at(-1)?.result, found?.steps.at(-1)?.detail],
          ["notices", "passed", "told"],
        );
        const again = start({ folder, last, at: "2026-12-06T08:50:00Z" });
        await again.result.catch(() => undefined);
        assert.deepEqual(heard, [end]);
        assert.equal((await again.journal())?.state, end);
      });
    }

    it("comes with the next start where ops was stopped before it", async () => {
      const heard: (string | undefined)[] = [];
      const last = async (said: string | undefined): Promise<string> => {
        heard.push(said);
        return "told";
      };
      const first = start({
        last,
        work: async (name, _clock, stop) => (name === "verification" ? STOPS["told to stop"](stop) : "done"),
      });
      await assert.rejects(first.result);
      assert.deepEqual(heard, []);
      const second = start({ folder: first.folder, last, at: "2026-12-06T07:30:00Z" });
      await assert.rejects(second.result, /^Error: verification: ops was stopped in it/);
      assert.deepEqual(heard, ["done"]);
    });

    it("fails the window where it fails, and changes nothing about how it ended", async () => {
      const { result, journal } = start({ last: () => Promise.reject(new Error("disk full")) });
      await assert.rejects(result, /^Error: notices: disk full$/);
      assert.equal((await journal())?.state, "done");
    });
  });

  it("go on from an announcement, whose journal theirs is", async () => {
    const folder = folders.create();
    const window = { from: WINDOW.from.toISOString(), to: WINDOW.to.toISOString() };
    await writeWindowJournal(folder, { window, state: "announced", steps: [], rehearsal: false, reason: "" });
    const { result, ran } = start({ folder });
    await result;
    assert.deepEqual(ran, NAMES);
    assert.equal((await readWindowJournal(folder))?.state, "done");
  });

  it("of a rehearsal are bound to no end, and users hear nothing of it", async () => {
    const folder = folders.create();
    const { result, ran } = start({ folder, at: "2026-12-06T12:00:00Z", rehearsal: true });
    await result;
    assert.deepEqual(ran, NAMES);
    assert.equal(await readWindowJournal(folder), null);
    assert.equal((await readLastRun(folder))?.state, "done");
    assert.equal((await readLastRun(folder))?.rehearsal, true);
  });
});
