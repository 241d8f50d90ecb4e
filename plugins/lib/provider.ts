/** A plugin's answers to the engine's questions: requests of the protocol in, handlers called, responses out. */
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import {
  changedKeys,
  type DetailedDiff,
  type DiffRules,
  deletesBeforeReplace,
  diff,
  type Kind,
  replaceKeys,
} from "./diff";
import { messageOf } from "./errors";
import { autoName } from "./naming";
import { type Path, parsePath } from "./paths";
import {
  type Context,
  type Failure,
  type Live,
  PartialFailure,
  type Plugin,
  type Props,
  type ResourceHandler,
} from "./types";
import {
  decode,
  fromStruct,
  hasUnknown,
  secretsOfSets,
  secretTexts,
  toStruct,
  withoutInternals,
} from "./values";

type Handler<C> = ResourceHandler<C>;
type Log = (urn: string, severity: "debug" | "info" | "warning" | "error", message: string) => void;

const KINDS: Readonly<Record<Kind, pb.PropertyDiff.Kind>> = {
  add: pb.PropertyDiff.Kind.ADD,
  "add-replace": pb.PropertyDiff.Kind.ADD_REPLACE,
  delete: pb.PropertyDiff.Kind.DELETE,
  "delete-replace": pb.PropertyDiff.Kind.DELETE_REPLACE,
  update: pb.PropertyDiff.Kind.UPDATE,
  "update-replace": pb.PropertyDiff.Kind.UPDATE_REPLACE,
};

/** Keys that the engine puts among a provider's inputs and that are no configuration. */
const NOT_CONFIGURATION: ReadonlySet<string> = new Set(["version", "pluginDownloadURL", "__internal"]);

/** A failure together with the secret paths of the bags it carries. */
export class Failed extends Error {
  constructor(
    readonly reason: unknown,
    readonly wrap: readonly Path[],
  ) {
    super(messageOf(reason));
  }
}

/** One plugin process's state: its configuration, its secrets, its cancellation. */
export class Provider<C> {
  /** Secret texts seen so far, kept out of every message. */
  readonly secrets = new Set<string>();
  private readonly handlers: ReadonlyMap<string, Handler<C>>;
  private readonly cancellation = new AbortController();
  private configured: Promise<C> | undefined;

  constructor(
    private readonly plugin: Plugin<C>,
    private readonly log: Log,
  ) {
    this.handlers = new Map(plugin.resources.map((handler) => [handler.token, handler as Handler<C>]));
  }

  cancel(): void {
    this.cancellation.abort(new Error("the operation was cancelled"));
  }

  async close(): Promise<void> {
    if (this.configured) await this.plugin.close?.(await this.configured);
  }

  // The provider itself

  checkConfig(request: pb.CheckRequest): pb.CheckResponse {
    const { value, secrets } = this.open(fromStruct(request.getNews()));
    const failures = this.plugin.checkConfig?.(this.configuration(value)) ?? [];
    const wrap = [...secrets, ...(this.plugin.secretConfig ?? []).map(parsePath)];
    return checked(value, wrap, failures);
  }

  diffConfig(request: pb.DiffRequest): pb.DiffResponse {
    const olds = this.configuration(fromStruct(request.getOldInputs() ?? request.getOlds()).value);
    const news = this.configuration(fromStruct(request.getNews()).value);
    const rules: DiffRules = { replaceOn: this.plugin.configReplaceOn ?? [] };
    return diffed(diff(olds, news, rules), false);
  }

  async configure(request: pb.ConfigureRequest): Promise<pb.ConfigureResponse> {
    const { value, secrets } = this.open(fromStruct(request.getArgs()));
    for (const text of secretTexts(value, [...secrets, ...(this.plugin.secretConfig ?? []).map(parsePath)])) {
      this.secrets.add(text);
    }
    this.configured = this.plugin.configure(this.configuration(value));
    await this.configured;
    const response = new pb.ConfigureResponse();
    response.setAcceptsecrets(true);
    response.setAcceptresources(true);
    response.setAcceptoutputs(true);
    response.setSupportspreview(true);
    return response;
  }

  /** The configuration as the plugin wants it: no engine keys, nested values parsed from the SDK's JSON. */
  private configuration(args: Props): Props {
    const nested = new Set(this.plugin.jsonConfig ?? []);
    const entries = Object.entries(args).filter(([key]) => !NOT_CONFIGURATION.has(key));
    return Object.fromEntries(
      entries.map(([key, value]) => {
        if (!nested.has(key) || typeof value !== "string") return [key, value];
        try {
          return [key, decode(JSON.parse(value)).value];
        } catch {
          return [key, value];
        }
      }),
    );
  }

  // Resources

  check(request: pb.CheckRequest): pb.CheckResponse {
    const handler = this.handler(request.getUrn());
    const { value, secrets } = this.open(fromStruct(request.getNews()));
    const olds = request.hasOlds() ? fromStruct(request.getOlds()).value : undefined;
    const old = olds && Object.keys(olds).length > 0 ? olds : undefined;
    const seed = request.getRandomseed_asU8();
    const named = handler.autoName
      ? autoName(value, old, handler.autoName, request.getUrn(), seed)
      : { ...value, __defaults: [] };
    const marks = { __defaults: named.__defaults };
    const plain = withoutInternals(named);
    const result = handler.check?.(plain, old && withoutInternals(old), request.getUrn());
    const inputs = { ...(result?.inputs ?? plain), ...marks };
    return checked(inputs, [...secrets, ...alwaysSecret(handler)], result?.failures ?? []);
  }

  diff(request: pb.DiffRequest): pb.DiffResponse {
    const handler = this.handler(request.getUrn());
    const olds = fromStruct(request.getOldInputs() ?? request.getOlds()).value;
    const news = fromStruct(request.getNews()).value;
    const rules: DiffRules = { ...rulesOf(handler), immutable: handler.update === undefined };
    const [before, after] = handler.comparable?.(olds, news) ?? [olds, news];
    const changes = diff(before, after, rules);
    return diffed(changes, deletesBeforeReplace(olds, news, rules));
  }

  async create(request: pb.CreateRequest): Promise<pb.CreateResponse> {
    const handler = this.handler(request.getUrn());
    const opened = this.open(fromStruct(request.getProperties()));
    const inputs = withoutInternals(opened.value);
    const wrap = stateSecrets(handler, opened.secrets);
    const response = new pb.CreateResponse();
    if (request.getPreview()) {
      response.setProperties(toStruct(handler.preview(inputs, undefined), wrap));
      return response;
    }
    const live = await recording(wrap, opened.value, async () =>
      handler.create(await this.config(), inputs, this.context(request)),
    );
    response.setId(live.id);
    response.setProperties(toStruct(live.state, wrap));
    return response;
  }

  async read(request: pb.ReadRequest): Promise<pb.ReadResponse> {
    const handler = this.handler(request.getUrn());
    const state = this.open(fromStruct(request.getProperties()));
    const inputs = this.open(fromStruct(request.getInputs()));
    const given = <T extends Props>(bag: T): T | undefined =>
      Object.keys(bag).length > 0 ? withoutInternals(bag) : undefined;
    const live: Live | undefined = await handler.read(
      await this.config(),
      request.getId(),
      given(state.value),
      given(inputs.value),
    );
    const response = new pb.ReadResponse();
    if (!live) return response;
    const wrap = stateSecrets(handler, [...state.secrets, ...inputs.secrets]);
    response.setId(live.id);
    response.setProperties(toStruct(live.state, wrap));
    // Without the marks the name would count as the program's own after a refresh.
    const marks = { __defaults: inputs.value.__defaults ?? [] };
    response.setInputs(toStruct({ ...(live.inputs ?? inputs.value), ...marks }, wrap));
    return response;
  }

  async update(request: pb.UpdateRequest): Promise<pb.UpdateResponse> {
    const handler = this.handler(request.getUrn());
    const opened = this.open(fromStruct(request.getNews()));
    const news = withoutInternals(opened.value);
    const old = withoutInternals(this.open(fromStruct(request.getOlds())).value);
    const oldInputs = withoutInternals(this.open(fromStruct(request.getOldInputs())).value);
    const wrap = stateSecrets(handler, opened.secrets);
    const response = new pb.UpdateResponse();
    if (request.getPreview()) {
      response.setProperties(toStruct(handler.preview(news, old), wrap));
      return response;
    }
    const state = await recording(wrap, opened.value, async () => {
      if (!handler.update) throw new Error(`${handler.token} cannot be updated in place`);
      const context = this.context(request);
      return handler.update(await this.config(), request.getId(), old, news, oldInputs, context);
    });
    response.setProperties(toStruct(state, wrap));
    return response;
  }

  async delete(request: pb.DeleteRequest): Promise<void> {
    const handler = this.handler(request.getUrn());
    const state = withoutInternals(this.open(fromStruct(request.getProperties())).value);
    await handler.delete(await this.config(), request.getId(), state, this.context(request));
  }

  async invoke(request: pb.InvokeRequest): Promise<pb.InvokeResponse> {
    const token = request.getTok();
    const call = this.plugin.functions?.[token];
    if (!call) throw new Error(`the ${this.plugin.name} plugin does not know the function ${token}`);
    const { value, secrets } = this.open(fromStruct(request.getArgs()));
    if (hasUnknown(value)) throw new Error(`${token} was called with values that are not known yet`);
    const result = await call(await this.config(), value);
    const response = new pb.InvokeResponse();
    response.setReturn(toStruct(result, secrets));
    return response;
  }

  // Shared

  /** Remembers the secrets of a bag that came in, so that no message shows them. */
  private open<T extends { value: Props; secrets: readonly Path[] }>(bag: T): T {
    for (const text of secretTexts(bag.value, bag.secrets)) this.secrets.add(text);
    return bag;
  }

  private handler(urn: string): Handler<C> {
    // <urn>::<stack>::<project>::<parent types$type>::<name>
    const token = urn.split("::")[2]?.split("$").at(-1) ?? "";
    const handler = this.handlers.get(token);
    if (handler) return handler;
    const known = [...this.handlers.keys()].join(", ");
    throw new Error(
      `${token}: the ${this.plugin.name} plugin of this project only knows ${known}; use the official plugin for it`,
    );
  }

  private async config(): Promise<C> {
    if (!this.configured) throw new Error(`the ${this.plugin.name} plugin was used before it was configured`);
    return this.configured;
  }

  private context(request: { getUrn(): string; getTimeout(): number }): Context {
    const urn = request.getUrn();
    const timeout = request.getTimeout();
    return {
      urn,
      timeoutSeconds: timeout > 0 ? timeout : undefined,
      signal: this.cancellation.signal,
      log: (severity, message) => this.log(urn, severity, message),
    };
  }
}

const alwaysSecret = <C>(handler: Handler<C>): Path[] => (handler.secretOutputs ?? []).map(parsePath);

const rulesOf = <C>(handler: Handler<C>): DiffRules => ({
  replaceOn: handler.replaceOn,
  sets: handler.sets,
  ignoreDiff: handler.ignoreDiff?.bind(handler),
  autoName: handler.autoName,
  deleteBeforeReplace: handler.deleteBeforeReplace,
});

/** What is secret in a state: whatever arrived as one, and what the handler says always is. */
const stateSecrets = <C>(handler: Handler<C>, arrived: readonly Path[]): Path[] => [
  ...secretsOfSets(arrived, (handler.sets ?? []).map(parsePath)),
  ...alwaysSecret(handler),
];

/** Runs an operation; a partial failure keeps the marks of the inputs and learns what of it is secret. */
async function recording<T>(wrap: readonly Path[], inputs: Props, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PartialFailure)) throw error;
    const marks = { __defaults: inputs.__defaults ?? [] };
    const marked = new PartialFailure(error.id, error.state, { ...error.inputs, ...marks }, error.reasons);
    throw new Failed(marked, wrap);
  }
}

function checked(inputs: Props, wrap: readonly Path[], failures: readonly Failure[]): pb.CheckResponse {
  const response = new pb.CheckResponse();
  response.setInputs(toStruct(inputs, wrap));
  response.setFailuresList(
    failures.map(({ property, reason }) => {
      const failure = new pb.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

function diffed(changes: DetailedDiff, deleteBeforeReplace: boolean): pb.DiffResponse {
  const response = new pb.DiffResponse();
  const replaces = replaceKeys(changes);
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  response.setChanges(Object.keys(changes).length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setReplacesList(replaces);
  response.setDeletebeforereplace(replaces.length > 0 && deleteBeforeReplace);
  response.setDiffsList(changedKeys(changes));
  response.setHasdetaileddiff(true);
  for (const [path, kind] of Object.entries(changes)) {
    const change = new pb.PropertyDiff();
    change.setKind(KINDS[kind]);
    change.setInputdiff(true);
    response.getDetaileddiffMap().set(path, change);
  }
  return response;
}
