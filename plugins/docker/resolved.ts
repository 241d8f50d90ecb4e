/** The SDK's types as a handler sees them. */
import type { Output, Unwrap } from "@pulumi/pulumi";

/** An SDK's argument type with every `pulumi.Input` resolved. */
export type Resolved<T> = Unwrap<T>;

type OutputKeys<R> = { [K in keyof R]: R[K] extends Output<unknown> ? K : never }[keyof R];

/** The state of a resource class: its output properties, without what the engine adds. */
export type StateOf<R> = { [K in Exclude<OutputKeys<R>, "id" | "urn">]: Unwrap<R[K]> };
