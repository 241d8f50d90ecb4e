/**
 * Conformance of a provider plugin, driven through the real Pulumi engine.
 *
 * A suite is a table of steps. Each step has a program (inline, plain `@pulumi/...` code) and says what the engine
 * must do to each resource:
 *
 * ```ts
 * conformance({
 *   title: "docker.Volume",
 *   plugins: ["docker"],
 *   config: { "docker:host": "unix:///var/run/docker.sock" },   // optional
 *   secrets: ["a text that must never be seen"],                // optional
 *   steps: [
 *     {
 *       name: "creates",
 *       program: async () => {
 *         const volume = new docker.Volume("v", { name: "conf-v" });
 *         return { mountpoint: volume.mountpoint };             // stack outputs
 *       },
 *       expect: { v: "create" },
 *       check: async ({ outputs, state }) => {                  // after the update, against the real service
 *         assert.equal(state("v").outputs.driver, "local");
 *         assert.match(String(outputs.mountpoint), /conf-v/);
 *       },
 *     },
 *     {
 *       name: "adds a label by replacing",
 *       program: async () => { new docker.Volume("v", { name: "conf-v", labels: [{ label: "a", value: "b" }] }); },
 *       expect: { v: { replace: ["labels"], paths: ["labels[0]"], deleteFirst: true } },
 *     },
 *     {
 *       name: "notices that the volume is gone",                // same program as before
 *       drift: async () => removeVolumeBehindTheEngine(),
 *       drifted: { v: "delete" },                               // what refresh must say
 *       expect: { v: "create" },                                // what the next update must do about it
 *     },
 *     {
 *       name: "refuses a bad driver",
 *       program: async () => { new docker.Volume("w", { driver: "none" }); },
 *       fails: /driver/,                                        // `up` must fail, and say so
 *       expect: { v: "delete", w: "create" },                   // what the preview says
 *     },
 *   ],
 *   gone: async () => assert.ok(await nothingLeft()),           // after `destroy`
 * });
 * ```
 *
 * Every step without `fails` is one mocha test that runs, in this order:
 *   1. `drift`, then `refresh`: reports exactly `drifted`;
 *   2. `preview`: reports exactly `expect`;
 *   3. `up`: does exactly `expect`; then `check`;
 *   4. `preview --refresh`: every resource `same`, so neither the refresh finds anything nor a second preview (with the
 *      official plugins a plain second preview goes before it, which with ours cannot differ);
 *   5. no text of `secrets` stands in the state or in anything the engine said.
 * A step with `refused` only previews, which must fail with these words (what `check` refuses); `expect` does not
 * count. A step with `fails` runs 1 to 3, expects the failure instead of a finished update, runs `check`, and leaves the
 * rest to the next step. The last test refreshes, which must report every resource as `same`, destroys the stack and
 * calls `gone`. Every resource of the stack must be named in `expect` (those of type `pulumi:...` apart), by its name in
 * the program.
 *
 * Expectations: `"create"`, `"same"`, `"delete"`, `"import"`, `"read"`,
 * `{ update: [paths] }` with the exact changed paths (`taskSpec.containerSpec.env.A`, `labels[0].value`; sorted or not),
 * `{ replace: [keys], paths?: [paths], deleteFirst?: boolean }` with the exact top-level keys that force it, and, when
 * given, the exact changed paths and the order of the old object's end and the new one's start.
 * With `PLUGINS=official` exact paths inside a set (`labels[0]`) may be told in another index: give `anyOrder: true` on
 * the suite to compare paths without their indices.
 *
 * `PLUGINS=official` runs the same suites against the official plugins, which the engine then gets by itself.
 */
import assert from "node:assert/strict";
import type { EngineEvent, OpType, PulumiFn } from "@pulumi/pulumi/automation";
import type { Provider } from "../../../toolchain/tools/plugins";
import { type Engine, official, startEngine } from "./engine";

export { official } from "./engine";

type Bag = Record<string, unknown>;

export type Expected =
  | "create"
  | "same"
  | "delete"
  | "import"
  | "read"
  | { readonly update: readonly string[] }
  | {
      readonly replace: readonly string[];
      readonly paths?: readonly string[];
      readonly deleteFirst?: boolean;
    };

/** A resource as the engine's state holds it. Secrets are in clear here. */
export interface Recorded {
  readonly id: string;
  readonly inputs: Bag;
  readonly outputs: Bag;
  /** Reasons why the object is recorded as failed; empty when it is sound. */
  readonly initErrors: readonly string[];
}

export interface Findings {
  /** Stack outputs. */
  readonly outputs: Bag;
  /** The recorded resource with this name; fails when there is none. */
  state(name: string): Recorded;
  /** Everything that the engine said during the update, in one text. */
  readonly said: string;
}

export interface Step {
  readonly name: string;
  /** Absent: the program of the step before. */
  readonly program?: PulumiFn;
  readonly drift?: () => Promise<void>;
  /** What `refresh` must report after `drift`; resources not named must be `same`. */
  readonly drifted?: Readonly<Record<string, Expected>>;
  readonly expect: Readonly<Record<string, Expected>>;
  /** Present: `up` must fail and the engine's words must match. */
  readonly fails?: RegExp;
  /** Present: already the preview must fail, and its words must match; nothing else is run. */
  readonly refused?: RegExp;
  readonly check?: (findings: Findings) => Promise<void> | void;
}

export interface Suite {
  readonly title: string;
  /** Packages whose plugins the programs need. */
  readonly plugins: readonly Provider[];
  readonly config?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly steps: readonly Step[];
  /** Asserts that the service holds nothing of the suite any more. */
  readonly gone?: () => Promise<void>;
  /** Compares changed paths without their indices. */
  readonly anyOrder?: boolean;
  readonly before?: () => Promise<void>;
  readonly after?: () => Promise<void>;
  /** Limit of one step, milliseconds; 120 000 when absent. */
  readonly stepTimeout?: number;
}

/** Registers the suite with mocha. */
export function conformance(suite: Suite): void {
  describe(`${suite.title} (${official ? "official plugin" : "our plugin"})`, function () {
    this.timeout(suite.stepTimeout ?? 120_000);
    let engine: Engine;
    let program: PulumiFn | undefined;
    let broken: string | undefined;

    before(async () => {
      await suite.before?.();
      engine = await startEngine(suite.plugins, suite.config ?? {});
    });

    for (const step of suite.steps) {
      it(step.name, async () => {
        assert.equal(broken, undefined, `not run: the step "${broken}" failed before`);
        broken = step.name;
        program = step.program ?? program;
        assert.ok(program, "the first step needs a program");
        await runStep(engine, suite, step, program);
        broken = undefined;
      });
    }

    it("refreshes without a change, destroys everything and leaves nothing behind", async () => {
      const refreshed = new Watch(suite);
      await engine.stack.refresh(refreshed.options());
      if (broken === undefined) refreshed.assertRefresh("the last refresh", {});
      await engine.stack.destroy(new Watch(suite).options());
      const { deployment } = await engine.stack.exportStack();
      assert.deepEqual((deployment as { resources?: unknown[] }).resources ?? [], []);
      await suite.gone?.();
    });

    after(async () => {
      await engine?.stack.destroy().catch((error: Error) => process.stderr.write(`${error.message}\n`));
      await suite.after?.();
      engine?.remove();
    });
  });
}

async function runStep(engine: Engine, suite: Suite, step: Step, program: PulumiFn): Promise<void> {
  const { stack } = engine;
  if (step.drift) {
    await step.drift();
    const seen = new Watch(suite);
    await stack.refresh(seen.options());
    seen.assertRefresh("the refresh after the drift", step.drifted ?? {});
  }

  const previewed = new Watch(suite);
  if (step.refused) {
    const attempt = stack.preview({ ...previewed.options(), program });
    await assert.rejects(attempt, `the preview went through, but had to be refused with ${step.refused}`);
    assert.match(previewed.said(), step.refused);
    return;
  }
  await stack.preview({ ...previewed.options(), program });
  previewed.assertExactly("the preview", step.expect);

  const updated = new Watch(suite);
  if (step.fails) {
    const attempt = stack.up({ ...updated.options(), program });
    await assert.rejects(attempt, `the update went through, but had to fail with ${step.fails}`);
    assert.match(updated.said(), step.fails);
    await step.check?.(await findings(engine, updated));
    return;
  }
  await stack.up({ ...updated.options(), program });
  updated.assertExactly("the update", step.expect);
  await step.check?.(await findings(engine, updated));

  if (official) {
    const plainly = new Watch(suite);
    await stack.preview({ ...plainly.options(), program });
    plainly.assertExactly("the second preview", allSame(step.expect));
  }
  const again = new Watch(suite);
  await stack.preview({ ...again.options(), program, refresh: true });
  again.assertExactly("the second preview, after a refresh", allSame(step.expect));

  if (suite.secrets === undefined) return;
  const state = await engine.exportState("encrypted");
  for (const secret of suite.secrets) {
    assert.ok(!state.includes(secret), "a secret stands in clear in the state");
    for (const watch of [previewed, updated, again]) {
      assert.ok(!watch.said().includes(secret), "the engine showed a secret");
    }
  }
}

function allSame(expected: Readonly<Record<string, Expected>>): Record<string, Expected> {
  const kept = Object.entries(expected).filter(([, what]) => what !== "delete");
  return Object.fromEntries(kept.map(([name, what]) => [name, what === "read" ? "read" : "same"]));
}

async function findings(engine: Engine, watch: Watch): Promise<Findings> {
  const { deployment } = JSON.parse(await engine.exportState("in clear")) as {
    deployment: { resources?: StateRecord[] };
  };
  const stack = deployment.resources?.find(({ type }) => type === STACK_TYPE);
  return {
    outputs: open(stack?.outputs ?? {}) as Bag,
    said: watch.said(),
    state(name) {
      const record = deployment.resources?.find(({ urn, type }) => nameOf(urn) === name && !isPulumis(type));
      assert.ok(record, `the state holds no resource ${name}`);
      return {
        id: record.id ?? "",
        inputs: open(record.inputs ?? {}) as Bag,
        outputs: open(record.outputs ?? {}) as Bag,
        initErrors: record.initErrors ?? [],
      };
    },
  };
}

interface StateRecord {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Bag;
  readonly outputs?: Bag;
  readonly initErrors?: string[];
}

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** A value of an export with its secrets in clear and without the bridge's marks, which are not the program's. */
function open(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(open);
  const bag = value as Bag;
  if (SIGNATURE in bag && typeof bag.plaintext === "string") return open(JSON.parse(bag.plaintext));
  const entries = Object.entries(bag).filter(([key]) => key !== "__defaults" && key !== "__meta");
  return Object.fromEntries(entries.map(([key, child]) => [key, open(child)]));
}

const STACK_TYPE = "pulumi:pulumi:Stack";
const nameOf = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);
const isPulumis = (type: string): boolean => type.startsWith("pulumi:");
const REPLACING: readonly OpType[] = ["create-replacement", "replace", "delete-replaced"];

interface Seen {
  readonly ops: OpType[];
  keys: string[];
  paths: string[];
}

/** What the engine did and said during one operation. */
class Watch {
  private readonly resources = new Map<string, Seen>();
  private readonly refreshed = new Map<string, Seen>();
  private readonly words: string[] = [];

  constructor(private readonly suite: Suite) {}

  options() {
    return {
      onEvent: (event: EngineEvent) => this.see(event),
      onOutput: (text: string) => void this.words.push(text),
      onError: (text: string) => void this.words.push(text),
      color: "never" as const,
    };
  }

  said(): string {
    return this.words.join("");
  }

  private see(event: EngineEvent): void {
    const diagnostic = event.diagnosticEvent;
    // The SDK's own protocol, values included, goes to whoever asks for debug output, and to nobody else.
    if (diagnostic && (diagnostic.severity as string) !== "debug") this.words.push(diagnostic.message);
    const before = event.resourcePreEvent?.metadata;
    const after = event.resOutputsEvent?.metadata;
    const [metadata, into] = before ? [before, this.resources] : [after, this.refreshed];
    if (!metadata || isPulumis(metadata.type)) return;
    // What a refresh finds is told when it is done with the resource.
    if (before?.op === "refresh") return;
    const name = nameOf(metadata.urn);
    const seen = into.get(name) ?? { ops: [], keys: [], paths: [] };
    seen.ops.push(metadata.op);
    seen.keys = [...new Set([...seen.keys, ...(metadata.keys ?? [])])];
    seen.paths = [...new Set([...seen.paths, ...Object.keys(metadata.detailedDiff ?? {})])];
    into.set(name, seen);
  }

  assertExactly(what: string, expected: Readonly<Record<string, Expected>>): void {
    this.compare(what, this.resources, expected);
  }

  /** Refresh tells its findings when it is done with a resource; what is not named must be `same`. */
  assertRefresh(what: string, expected: Readonly<Record<string, Expected>>): void {
    const rest = [...this.refreshed.keys()].map((name) => [name, "same"] as const);
    this.compare(what, this.refreshed, { ...Object.fromEntries(rest), ...expected });
  }

  private compare(what: string, seen: Map<string, Seen>, expected: Readonly<Record<string, Expected>>): void {
    const found = [...seen].map(([name, one]) => [name, this.describe(one, expected[name])] as const);
    const wanted = Object.entries(expected).map(([name, one]) => [name, this.normal(one)] as const);
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(wanted), `${what}\n${this.said()}`);
  }

  /** What was seen, in the shape of an expectation and as exact as the expectation is. */
  private describe(seen: Seen, expected: Expected | undefined): Expected {
    const order = seen.ops.filter((op) => REPLACING.includes(op));
    if (order.length > 0) {
      const asked = typeof expected === "object" && "replace" in expected ? expected : undefined;
      return this.normal({
        replace: seen.keys,
        ...(asked?.paths && { paths: seen.paths }),
        ...(asked?.deleteFirst !== undefined && { deleteFirst: order[0] === "delete-replaced" }),
      });
    }
    const [op] = seen.ops;
    if (op === "update") return this.normal({ update: seen.paths });
    return op as Expected;
  }

  private normal(expected: Expected): Expected {
    if (typeof expected === "string") return expected;
    if ("update" in expected) return { update: this.paths(expected.update) };
    const { replace, paths } = expected;
    return { ...expected, replace: [...replace].sort(), ...(paths && { paths: this.paths(paths) }) };
  }

  private paths(paths: readonly string[]): string[] {
    const plain = this.suite.anyOrder ? paths.map((path) => path.replace(/\[\d+\]/g, "[]")) : paths;
    return [...new Set(plain)].sort();
  }
}
