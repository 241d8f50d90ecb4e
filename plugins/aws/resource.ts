/**
 * What the resource types of this plugin have in common: region and tags as the official plugin treats them, defaults,
 * JSON compared by meaning, and reading a live object back into the program's shape.
 */

import type { Unwrap } from "@pulumi/pulumi";
import { urnName } from "../lib/naming";
import {
  type Context,
  type Failure,
  PartialFailure,
  type Props,
  type ResourceHandler,
  UNKNOWN,
} from "../lib/types";
import { hasUnknown } from "../lib/values";
import { type Aws, reasonOf } from "./clients";
import { follow } from "./follow";
import { type JsonMeaning, parseJson, sameMeaning } from "./json";

/** The SDK's arguments (or state) with every `pulumi.Input` resolved; `Over` replaces some properties. */
export type Resolved<A, Over = unknown> = Omit<Unwrap<A>, keyof Over> & Over;

/** What the engine tells the provider once and every check needs. */
export class Session {
  region = "";
  defaultTags: Readonly<Record<string, string>> = {};
}

type Key<T> = keyof T & string;
export type Tags = Record<string, string>;

/** A resource type. `I` are the resolved inputs, `O` the state. */
export interface Kind<I, O> {
  readonly token: string;
  /** How errors call it, e.g. `S3 bucket`. */
  readonly noun: string;
  /** Every input that the plugin knows. Setting another is refused, with the hint of {@link instead}. */
  readonly args: readonly Key<I>[];
  readonly required?: readonly Key<I>[];
  /** Inputs of the official plugin that this one leaves to another resource type, and to which. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly defaults?: Partial<I>;
  /** Inputs about which the program has no opinion when it leaves them out. */
  readonly optional?: readonly Key<I>[];
  /** Outputs that are no inputs. */
  readonly outputs: readonly Key<O>[];
  /** Properties that cannot be read back; the state's value stands. */
  readonly unreadable?: readonly Key<O>[];
  readonly json?: Partial<Readonly<Record<Key<I>, JsonMeaning>>>;
  readonly replaceOn: readonly string[];
  readonly sets?: readonly string[];
  readonly secretOutputs?: readonly string[];
  readonly autoName?: Key<I>;
  /** False for the types of global services, which know no `region`. */
  readonly regional?: false;
  readonly tagged?: true;
  /** Adjusts and judges the inputs after the defaults. `fail` reports one failure. */
  check?(
    inputs: Partial<I>,
    fail: (property: Key<I>, reason: string) => void,
    olds: Partial<I> | undefined,
    name: string,
  ): void;
  /** Makes the object and says its id, and what can only be learnt now. */
  create(aws: Aws, inputs: I, context: Context): Promise<{ id: string; once?: Partial<O> }>;
  /** What must be done to a fresh object beyond `create`; a failure here leaves a recorded, repairable object. */
  finish?(aws: Aws, id: string, inputs: I, context: Context): Promise<void>;
  /** The live object, or undefined when it is gone. `known` is the state, or only a region on import. */
  read(aws: Aws, id: string, known: Partial<O>): Promise<Partial<O> | undefined>;
  update(aws: Aws, id: string, old: O, news: I, context: Context): Promise<void>;
  delete(aws: Aws, id: string, state: O, context: Context): Promise<void>;
}

interface Common {
  region?: string;
  tags?: Tags;
  tagsAll?: Tags;
}

/** An id that is imported may name its region, as the official plugin takes it: `<id>@<region>`. */
const REGION_SUFFIX = /@([a-z]{2}(?:-[a-z]+)+-\d)$/;

export function resource<I extends Props, O extends Props>(
  session: Session,
  kind: Kind<I, O>,
): ResourceHandler<Aws, I, O> {
  const isRegional = kind.regional !== false;
  const meaningOf = (path: string): JsonMeaning | undefined => kind.json?.[path as Key<I>];

  async function attempt<T>(verb: string, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new Error(`${verb} ${kind.noun} ${id}: ${reasonOf(error)}`);
    }
  }

  /** The state for a live object. */
  function stateOf(live: Partial<O>, known: Partial<O>, ownTags: Tags | undefined): O {
    const kept = Object.fromEntries((kind.unreadable ?? []).map((key) => [key, known[key]]));
    const state: Props & Common = { ...kept, ...live };
    if (isRegional) state.region ??= known.region as string | undefined;
    if (kind.tagged) state.tags = withoutDefaults(state.tagsAll ?? {}, session.defaultTags, ownTags);
    for (const [path, meaning] of Object.entries(kind.json ?? {})) {
      const old = known[path];
      const text = state[path];
      const same = typeof old === "string" && typeof text === "string";
      if (same && sameMeaning(meaning as JsonMeaning, old, text)) state[path] = old;
    }
    return state as O;
  }

  const inputKeys: string[] = [...kind.args, ...(kind.tagged ? ["tagsAll"] : [])];

  /** The inputs that would lead to this state, in the shape of the old ones. */
  function inputsOf(state: O, old: Props | undefined): Props {
    const optional: readonly string[] = kind.optional ?? [];
    // An import has no old inputs; what the next check fills in must be there for it to find no difference.
    const own: Props = old ?? { ...kind.defaults };
    const candidates = inputKeys.filter((key) => key in own || !optional.includes(key));
    const live = Object.fromEntries(candidates.map((key) => [key, state[key]]));
    return follow(own, live) as Props;
  }

  async function load(
    aws: Aws,
    id: string,
    known: Partial<O>,
    own: Tags | undefined,
  ): Promise<O | undefined> {
    const live = await kind.read(aws, id, known);
    return live === undefined ? undefined : stateOf(live, known, own);
  }

  /** The state right after `create` or `update`, which the service must know by now. */
  async function settled(aws: Aws, id: string, inputs: I): Promise<O> {
    const state = await load(aws, id, inputs as unknown as Partial<O>, tagsOf(inputs));
    if (state === undefined) throw new Error("the service does not know it, although it just made it");
    return state;
  }

  return {
    token: kind.token,
    replaceOn: isRegional ? [...kind.replaceOn, "region"] : kind.replaceOn,
    sets: kind.sets,
    secretOutputs: kind.secretOutputs,
    autoName: kind.autoName,

    ignoreDiff(path, oldValue, newValue) {
      const meaning = meaningOf(path);
      if (meaning === undefined) return false;
      const texts = typeof oldValue === "string" && typeof newValue === "string";
      return texts && sameMeaning(meaning, oldValue, newValue);
    },

    check(news, olds, urn) {
      const failures: Failure[] = [];
      const fail = (property: string, reason: string): void => {
        failures.push({ property, reason: `${property} ${reason}` });
      };
      const inputs: Props & Common = { ...kind.defaults, ...withoutUndefined(news) };
      for (const key of Object.keys(inputs)) {
        if (inputKeys.includes(key)) continue;
        const hint = kind.instead?.[key];
        fail(key, `is not known to this plugin${hint === undefined ? "" : `; use ${hint}`}`);
      }
      for (const key of kind.required ?? []) {
        if (inputs[key] === undefined) fail(key, "is required");
      }
      for (const key of Object.keys(kind.json ?? {})) {
        const value = inputs[key];
        if (typeof value === "object" && value !== null)
          inputs[key] = hasUnknown(value) ? UNKNOWN : JSON.stringify(value);
        else if (typeof value === "string" && value !== "" && parseJson(value) === undefined)
          fail(key, "is not JSON");
      }
      if (isRegional && session.region !== "") inputs.region ??= session.region;
      if (kind.tagged) inputs.tagsAll = mergedTags(session.defaultTags, inputs.tags) as Tags;
      kind.check?.(inputs as Partial<I>, fail, olds as Partial<I> | undefined, urnName(urn));
      return { inputs, failures };
    },

    preview(inputs, old) {
      const outputs = kind.outputs.map((key) => [key, old === undefined ? UNKNOWN : old[key]] as const);
      const optional = (kind.optional ?? []).map(
        (key) => [key, old === undefined ? UNKNOWN : old[key]] as const,
      );
      return { ...Object.fromEntries([...outputs, ...optional]), ...inputs };
    },

    async create(aws, inputs, context) {
      const label = labelOf(kind.autoName, inputs, context);
      const { id, once } = await attempt("creating", label, () => kind.create(aws, inputs, context));
      const known = { ...inputs, ...once };
      try {
        return await attempt("setting up", label, async () => {
          await kind.finish?.(aws, id, inputs, context);
          return { id, state: await settled(aws, id, known) };
        });
      } catch (error) {
        const found = await load(aws, id, known as unknown as Partial<O>, tagsOf(inputs)).catch(
          () => undefined,
        );
        const state = found ?? (known as unknown as O);
        throw new PartialFailure(id, state, inputsOf(state, inputs), [(error as Error).message]);
      }
    },

    async read(aws, id, state, oldInputs) {
      const region = state === undefined ? REGION_SUFFIX.exec(id)?.[1] : undefined;
      const plainId = region === undefined ? id : id.replace(REGION_SUFFIX, "");
      const known = { region: region ?? aws.region, ...kind.defaults, ...state } as unknown as Partial<O>;
      const live = await attempt("reading", plainId, () => load(aws, plainId, known, tagsOf(oldInputs)));
      return live === undefined ? undefined : { id: plainId, state: live, inputs: inputsOf(live, oldInputs) };
    },

    async update(aws, id, old, news, _oldInputs, context) {
      return attempt("updating", id, async () => {
        await kind.update(aws, id, old, news, context);
        const kept = Object.fromEntries((kind.unreadable ?? []).map((key) => [key, old[key]]));
        return settled(aws, id, { ...kept, ...news });
      });
    },

    async delete(aws, id, state, context) {
      await attempt("deleting", id, () => kind.delete(aws, id, state, context));
    },
  };
}

/** What to call an object that has no id yet. */
function labelOf(nameKey: string | undefined, inputs: Props, context: Context): string {
  const name = nameKey === undefined ? undefined : inputs[nameKey];
  return typeof name === "string" ? name : urnName(context.urn);
}

function withoutUndefined(bag: Props): Props {
  return Object.fromEntries(Object.entries(bag).filter(([, value]) => value !== undefined && value !== null));
}

function mergedTags(defaults: Tags, own: unknown): unknown {
  return own === UNKNOWN ? UNKNOWN : { ...defaults, ...(own as Tags | undefined) };
}

function tagsOf(inputs: Props | undefined): Tags | undefined {
  return inputs?.tags as Tags | undefined;
}

/** The tags that are the resource's own: all but the provider's defaults, unless the program sets them here too. */
function withoutDefaults(all: Tags, defaults: Tags, own: Tags | undefined): Tags {
  return Object.fromEntries(
    Object.entries(all).filter(([key, value]) => defaults[key] !== value || own?.[key] !== undefined),
  );
}

/** AWS's own tags are not the program's business. */
export function tagsFromList(list: readonly { Key?: string; Value?: string }[] | undefined): Tags {
  const entries = (list ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""] as const);
  return Object.fromEntries(entries.filter(([key]) => !key.startsWith("aws:")));
}

export function tagList(tags: Tags | undefined): { Key: string; Value: string }[] {
  return Object.entries(tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
}

/** What it takes to get from one set of tags to another. */
export function tagChanges(
  old: Tags = {},
  news: Tags = {},
): { remove: string[]; put: { Key: string; Value: string }[] } {
  return {
    remove: Object.keys(old).filter((key) => !(key in news)),
    put: tagList(Object.fromEntries(Object.entries(news).filter(([key, value]) => old[key] !== value))),
  };
}

/** Reports a value that is none of the allowed ones. */
export function oneOf<K extends string>(
  fail: (property: K, reason: string) => void,
  property: K,
  value: unknown,
  allowed: readonly string[],
): void {
  if (value === undefined || value === UNKNOWN || allowed.includes(String(value))) return;
  fail(property, `is ${JSON.stringify(value)}; allowed: ${allowed.join(", ")}`);
}
