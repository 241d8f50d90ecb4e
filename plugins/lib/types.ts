/**
 * What a provider plugin of this project is made of. A plugin is a name, a version, a configuration and one
 * {@link ResourceHandler} a resource type; `serve` (serve.ts) speaks the engine's protocol on their behalf.
 *
 * Values are plain JavaScript. A value that the engine does not know yet during a preview is {@link UNKNOWN};
 * handlers never see it outside `check` and `preview`. Secrets are unwrapped before a handler sees them and wrapped
 * again, by property path, when the answer goes back.
 */

/** Stands for a value that is not known during a preview. */
export const UNKNOWN: unique symbol = Symbol("unknown");

/** A bag of properties, as it travels between the engine and a provider. */
export type Props = Record<string, unknown>;

/**
 * Thrown by `create` or `update` when the object exists but is not as it should be: the engine records the object as
 * failed, so that the next run repairs or replaces it instead of making a second one.
 */
export class PartialFailure extends Error {
  /**
   * @param id the object's id
   * @param state the state to record
   * @param inputs the inputs to record, what the object really has; after a failed update the engine keeps the old ones
   *   and updates again on the next run whatever the program says
   * @param reasons one line each, shown to the user
   */
  constructor(
    readonly id: string,
    readonly state: Props,
    readonly inputs: Props,
    readonly reasons: readonly string[],
  ) {
    super(reasons.join("; "));
    this.name = "PartialFailure";
  }
}

/** A reason why the inputs of a resource, or the configuration of a plugin, cannot be used. */
export interface Failure {
  /** Path of the property, e.g. `taskSpec.containerSpec.image`. */
  readonly property: string;
  /** One line: what is wrong and what is allowed. */
  readonly reason: string;
}

/** A live object as a provider reports it. */
export interface Live<O extends Props = Props> {
  readonly id: string;
  /** The state: every output property, inputs included. */
  readonly state: O;
  /** The inputs that would lead to this live object, limited to the properties that the old inputs set. */
  readonly inputs?: Props;
}

/**
 * One resource type.
 *
 * `I` is the type of the inputs with every `pulumi.Input` resolved, `O` the type of the state.
 */
export interface ResourceHandler<C, I extends Props = Props, O extends Props = Props> {
  /** Type token, e.g. `docker:index/volume:Volume`. */
  readonly token: string;
  /** Property paths (a `*` stands for any index or key) whose change replaces the resource. */
  readonly replaceOn: readonly string[];
  /** True when the old object must go before the new one is made. */
  readonly deleteBeforeReplace?: boolean;
  /** Property paths whose value is a secret in the state whatever the caller said. */
  readonly secretOutputs?: readonly string[];
  /** Property paths whose order does not matter (the upstream provider's sets). */
  readonly sets?: readonly string[];
  /**
   * The property that Pulumi fills with `<resource name>-<7 hex digits>` when the program does not set it. `serve`
   * does so before `check`, keeps the name over updates, and replaces an object whose name the program set
   * delete-first, as the official providers do.
   */
  readonly autoName?: string;
  /** True when a difference at this path, in Pulumi's notation, means nothing (the upstream's diff suppression). */
  ignoreDiff?(path: string, oldValue: unknown, newValue: unknown): boolean;
  /**
   * Old and new inputs as they are to be compared, where the plain ones would differ without meaning anything, or
   * would hide how little differs. Values may be {@link UNKNOWN}.
   */
  comparable?(olds: Props, news: Props): [olds: Props, news: Props];
  /** Fills in the defaults of the upstream provider and reports what is invalid. Never talks to the service. */
  check?(news: Props, olds: Props | undefined, urn: string): { inputs: Props; failures: Failure[] };
  /** The state that a preview shows for a create or an update; what is not known yet is {@link UNKNOWN}. */
  preview(inputs: Props, old: O | undefined): Props;
  create(config: C, inputs: I, context: Context): Promise<Live<O>>;
  /** The live object, or undefined when it is gone. `oldInputs` is undefined on import. */
  read(config: C, id: string, state: O | undefined, oldInputs: I | undefined): Promise<Live<O> | undefined>;
  /** Absent where every change replaces. */
  update?(config: C, id: string, old: O, news: I, oldInputs: I, context: Context): Promise<O>;
  /** Succeeds when the object is gone already. */
  delete(config: C, id: string, state: O, context: Context): Promise<void>;
}

/** What a handler may use while it works. */
export interface Context {
  readonly urn: string;
  /** Seconds that the resource's `customTimeouts` allow for this operation; undefined when none is set. */
  readonly timeoutSeconds?: number;
  /** Aborted when the engine is told to cancel. */
  readonly signal: AbortSignal;
  /** Shows a line beside the resource in the engine's display. */
  log(severity: "debug" | "info" | "warning" | "error", message: string): void;
}

/** A provider plugin. `C` is its parsed configuration, which may hold clients. */
export interface Plugin<C> {
  /** Package name, e.g. `docker`. */
  readonly name: string;
  /** Version of the official plugin that this one stands in for. */
  readonly version: string;
  /** Property names of the configuration that are secrets. */
  readonly secretConfig?: readonly string[];
  /**
   * Property names of the configuration that are not strings. The SDK sends these as JSON text; `serve` parses them,
   * and only them, before `checkConfig` and `configure` see them.
   */
  readonly jsonConfig?: readonly string[];
  /** Reports what is invalid in the configuration. Values may be {@link UNKNOWN}. Never talks to the service. */
  checkConfig?(news: Props): Failure[];
  /** Configuration properties whose change replaces every resource of the provider. Usually none. */
  readonly configReplaceOn?: readonly string[];
  /** Parses the configuration. Called once, before the first operation; may be called with unknown values in a preview. */
  configure(config: Props): Promise<C>;
  // biome-ignore lint/suspicious/noExplicitAny: handlers of one plugin differ in their inputs and state by design.
  readonly resources: readonly ResourceHandler<C, any, any>[];
  /** Functions (`invoke`), by token. */
  readonly functions?: Readonly<Record<string, (config: C, args: Props) => Promise<Props>>>;
  /** Releases what `configure` opened. */
  close?(config: C): Promise<void>;
}
