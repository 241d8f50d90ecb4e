import assert from "node:assert/strict";
import { Resolver } from "../../../toolchain/resolver";
import { Refusal, type Tool, ToolchainError, type Way } from "../../../toolchain/types";
import { RecordingReporter } from "./fakes";

const rootHost = { asRoot: async () => [] };
const plainHost = { asRoot: async () => undefined };

/** A tool that is there once one of its ways has run. */
function tool(
  name: string,
  ways: (Partial<Way> & { name: string })[],
  extra: Partial<Tool> = {},
): Tool & { got: string[] } {
  const got: string[] = [];
  return {
    got,
    name,
    why: `do what ${name} does`,
    remedy: `install ${name}`,
    present: async () => (got.length > 0 ? `${name} from ${got[0]}` : undefined),
    ...extra,
    ways: ways.map((way) => ({
      ...way,
      get: async (step) => {
        await way.get?.(step);
        got.push(way.name);
      },
    })),
  };
}

function resolver(host: ConstructorParameters<typeof Resolver>[0] = rootHost) {
  const reporter = new RecordingReporter();
  let milliseconds = 0;
  return { reporter, resolver: new Resolver(host, reporter, undefined, () => (milliseconds += 1500)) };
}

describe("resolver", () => {
  it("gets nothing and reports nothing when the tool is there", async () => {
    const there = tool("A", [{ name: "way" }], { present: async () => "A 1.0" });
    const { reporter, resolver: one } = resolver();
    assert.deepEqual(await one.provide([there]), [
      { tool: "A", what: "A 1.0", way: "already there", seconds: 0 },
    ]);
    assert.deepEqual(there.got, []);
    assert.deepEqual(reporter.lines, []);
  });

  it("takes the first way that has no obstacle and works, and says how long it took", async () => {
    const wanted = tool("A", [
      { name: "first", obstacle: async () => "no network" },
      { name: "second", get: () => Promise.reject(new Error("broken archive")) },
      { name: "third" },
      { name: "fourth" },
    ]);
    const { reporter, resolver: one } = resolver();
    assert.deepEqual(await one.provide([wanted]), [
      { tool: "A", what: "A from third", way: "third", seconds: 1.5 },
    ]);
    assert.deepEqual(wanted.got, ["third"]);
    assert.deepEqual(reporter.lines, ["start A", "A: second", "A: third", "done A: A from third, by third"]);
  });

  it("says what was tried, why each way failed, and what to do", async () => {
    const wanted = tool("A", [
      { name: "official download", obstacle: async () => "example.org did not answer in 3 s" },
      { name: "package", root: true },
      { name: "build", get: () => Promise.reject(new Error("`go build` ended with 1: no space left")) },
    ]);
    const { reporter, resolver: one } = resolver(plainHost);
    await assert.rejects(one.provide([wanted]), {
      name: "ToolchainError",
      message: [
        "A is needed to do what A does, and no way to get it works:",
        "  - official download: example.org did not answer in 3 s",
        "  - package: needs root: you are not root and sudo asks for a password or is missing",
        "  - build: `go build` ended with 1: no space left",
        "  What to do: install A.",
      ].join("\n"),
    });
    assert.equal(reporter.lines.at(-1), "fail A: no way works");
  });

  it("does not believe a way that leaves nothing behind", async () => {
    const wanted = tool("A", [{ name: "liar" }, { name: "honest" }], {});
    const hollow: Tool = {
      ...wanted,
      present: async () => (wanted.got.includes("honest") ? "A" : undefined),
    };
    assert.equal((await resolver().resolver.provide([hollow]))[0]?.way, "honest");

    const never: Tool = { ...tool("B", [{ name: "liar" }]), present: async () => undefined };
    await assert.rejects(
      resolver().resolver.provide([never]),
      /liar: it ended without an error, but nothing usable is there/,
    );
  });

  it("stops at a state that only a person should change, with one line", async () => {
    const locked = tool("Swarm", [{ name: "init" }], {
      present: () => Promise.reject(new Refusal("the Swarm is locked", "run `docker swarm unlock`")),
    });
    await assert.rejects(resolver().resolver.provide([locked]), {
      message: "Swarm: the Swarm is locked. What to do: run `docker swarm unlock`.",
    });
    assert.deepEqual(locked.got, []);
  });

  it("gets a tool that several others need once, and before them", async () => {
    const shared = tool("shared", [{ name: "way" }]);
    const seen: string[] = [];
    const user = (name: string) =>
      tool(name, [
        {
          name: "way",
          needs: [shared],
          get: async () => void seen.push(`${name} after ${shared.got.length}`),
        },
      ]);
    const provided = await resolver().resolver.provide([user("A"), user("B")]);
    assert.deepEqual(shared.got, ["way"]);
    assert.deepEqual(seen.sort(), ["A after 1", "B after 1"]);
    assert.deepEqual(provided.map(({ tool: name }) => name).sort(), ["A", "B", "shared"]);
  });

  it("does not get what only a way needs that is not taken", async () => {
    const go = tool("Go", [{ name: "way" }]);
    await resolver().resolver.provide([tool("A", [{ name: "download" }, { name: "build", needs: [go] }])]);
    assert.deepEqual(go.got, []);
  });

  it("reports a missing tool once, however many others need it, and every other failure too", async () => {
    const engine = tool("Engine", [{ name: "package", obstacle: async () => "no apt" }]);
    const image = (name: string) => tool(name, [{ name: "build" }], { needs: [engine] });
    const browser = tool("Browser", [{ name: "package", obstacle: async () => "no apt either" }]);
    const error = await resolver()
      .resolver.provide([image("A"), image("B"), browser])
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof ToolchainError);
    assert.deepEqual(
      error.failures.map(({ message }) => message.split("\n")[0]),
      [
        "Engine is needed to do what Engine does, and no way to get it works:",
        "Browser is needed to do what Browser does, and no way to get it works:",
      ],
    );
  });

  it("names the tool that a way could not get, and the next way is tried", async () => {
    const go = tool("Go", [{ name: "download", obstacle: async () => "no network" }]);
    const wanted = tool("A", [
      { name: "build", needs: [go] },
      { name: "package", obstacle: async () => "no apt" },
    ]);
    await assert.rejects(resolver().resolver.provide([wanted]), (error: Error) => {
      assert.match(error.message, /A is needed/);
      assert.match(error.message, / {2}- build: needs Go, which could not be got\n {2}- package: no apt\n/);
      assert.match(error.message, /Go is needed/);
      return true;
    });
  });

  it("never runs two builds at once, and lets everything else run beside them", async () => {
    let builds = 0;
    let most = 0;
    const events: string[] = [];
    const build = (name: string) =>
      tool(name, [
        {
          name: "build",
          exclusive: "build",
          get: async () => {
            most = Math.max(most, ++builds);
            await new Promise((resolve) => setTimeout(resolve, 20));
            builds--;
            events.push(name);
          },
        },
      ]);
    const failing = tool("broken", [
      { name: "build", exclusive: "build", get: () => Promise.reject(new Error("x")) },
    ]);
    const quick = tool("quick", [{ name: "download", get: async () => void events.push("quick") }]);
    const { resolver: one, reporter } = resolver();
    await assert.rejects(one.provide([build("A"), failing, build("B"), quick]));
    assert.equal(most, 1);
    assert.deepEqual(events, ["quick", "A", "B"]);
    assert.ok(reporter.lines.includes("B: waiting for its turn"));
  });

  it("looks again after another process had its turn, and gives the turn back after a failure too", async () => {
    const turns: string[] = [];
    const wanted = tool("A", [{ name: "way" }]);
    const reporter = new RecordingReporter();
    const takeTurn = async (name: string) => {
      turns.push(`take ${name}`);
      wanted.got.push("another process");
      return async () => void turns.push(`give ${name}`);
    };
    const [provided] = await new Resolver(rootHost, reporter, takeTurn).provide([wanted]);
    assert.equal(provided?.way, "already there");
    assert.deepEqual(wanted.got, ["another process"]);

    const broken = tool("B", [], { present: async () => undefined });
    await assert.rejects(new Resolver(rootHost, reporter, takeTurn).provide([broken]));
    assert.deepEqual(turns, ["take A", "give A", "take B", "give B"]);
  });

  it("names the tool whose state cannot be read", async () => {
    const odd = tool("Engine", [{ name: "way" }], {
      present: () => Promise.reject(new Error("`docker info` ended with 1")),
    });
    await assert.rejects(resolver().resolver.provide([odd]), {
      message: "Engine: `docker info` ended with 1",
    });
  });
});
