/** What a handler throws, as the engine wants to hear it: one line, no stack trace, no secret. */
import * as grpc from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import type { Path } from "./paths";
import { PartialFailure } from "./types";
import { toStruct } from "./values";

/** Below this length a secret is too likely to be part of an ordinary word to be cut out of a message. */
const SHORTEST_SECRET = 4;

/** Cuts secrets out of a text that people see. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret.length >= SHORTEST_SECRET) clean = clean.replaceAll(secret, "[secret]");
  }
  return clean;
}

/** The message of whatever was thrown. An error without one (a refused connection in Node) gives its code. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}

/** A gRPC error for whatever was thrown. `wrap` are the secret paths of a partial failure's state and inputs. */
export function rpcError(
  error: unknown,
  secrets: readonly string[],
  wrap: readonly Path[] = [],
): Partial<grpc.StatusObject> {
  const details = redact(messageOf(error), secrets);
  if (!(error instanceof PartialFailure)) return { code: grpc.status.UNKNOWN, details };
  return { code: grpc.status.UNKNOWN, details, metadata: initFailed(error, details, secrets, wrap) };
}

/** The protocol's way to say that an object exists but failed to become what it should be. */
function initFailed(
  failure: PartialFailure,
  message: string,
  secrets: readonly string[],
  wrap: readonly Path[],
): grpc.Metadata {
  const detail = new ErrorResourceInitFailed();
  detail.setId(failure.id);
  detail.setProperties(toStruct(failure.state, wrap));
  detail.setInputs(toStruct(failure.inputs, wrap));
  detail.setReasonsList(failure.reasons.map((reason) => redact(reason, secrets)));
  const any = new Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(message);
  status.addDetails(any);
  const metadata = new grpc.Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return metadata;
}
