/** The process of a provider plugin: a gRPC server on the loopback interface, whose port goes to the engine on stdout. */
import * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { type IResourceProviderServer, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { GetSchemaResponse, ProviderHandshakeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { redact, rpcError } from "./errors";
import { EngineLog } from "./log";
import { Failed, Provider } from "./provider";
import type { Plugin } from "./types";

/** As large as the engine's own limit: a state may carry whole files. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
/** How often the process looks whether the engine that started it is still there, milliseconds. */
const PARENT_CHECK_MS = 2000;

/**
 * Serves the plugin until the engine ends it or is gone. The engine gives its own address as the first argument,
 * reads the port from stdout, and sends SIGTERM when it is done.
 */
export function serve<C>(plugin: Plugin<C>): void {
  const engine = new EngineLog(process.argv[2]);
  const provider = new Provider(plugin, (urn, severity, message) =>
    engine.write(urn, severity, redact(message, [...provider.secrets])),
  );
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  server.addService(ResourceProviderService, methods(plugin, provider, engine));
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
      process.stderr.write(
        `the ${plugin.name} plugin cannot listen on the loopback interface: ${error.message}\n`,
      );
      process.exit(1);
    }
    // Written as a string: console.log would colour a number on a terminal.
    process.stdout.write(`${port}\n`);
  });
  endWithEngine(() => provider.close());
}

/** Ends the process on SIGTERM and when the engine died without a word, closing the plugin's connections first. */
function endWithEngine(close: () => Promise<void>): void {
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    close()
      .catch(() => undefined)
      .finally(() => process.exit(0));
  };
  const parent = process.ppid;
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  setInterval(() => process.ppid !== parent && end(), PARENT_CHECK_MS).unref();
}

function methods<C>(plugin: Plugin<C>, provider: Provider<C>, engine: EngineLog): IResourceProviderServer {
  /** Answers one kind of request; lines logged for it reach the engine before the answer does. */
  const answer =
    <Q, A>(work: (request: Q) => A | Promise<A>): grpc.handleUnaryCall<Q, A> =>
    (call, callback) => {
      Promise.resolve()
        .then(() => work(call.request))
        .finally(() => engine.flush())
        .then(
          (response) => callback(null, response),
          (error: unknown) => {
            const failed = error instanceof Failed ? error : new Failed(error, []);
            callback(rpcError(failed.reason, [...provider.secrets], failed.wrap), null);
          },
        );
    };
  const unimplemented = (what: string) => (_: unknown, callback: grpc.sendUnaryData<never>) =>
    callback(
      { code: grpc.status.UNIMPLEMENTED, details: `the ${plugin.name} plugin does not do ${what}` },
      null,
    );

  return {
    handshake: answer((request) => {
      engine.attach(request.getEngineAddress());
      const response = new ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      response.setAcceptResources(true);
      response.setAcceptOutputs(true);
      return response;
    }),
    attach: answer((request) => {
      engine.attach(request.getAddress());
      return new Empty();
    }),
    getPluginInfo: answer(() => new PluginInfo().setVersion(plugin.version)),
    getSchema: answer(() => new GetSchemaResponse().setSchema("{}")),
    checkConfig: answer((request) => provider.checkConfig(request)),
    diffConfig: answer((request) => provider.diffConfig(request)),
    configure: answer((request) => provider.configure(request)),
    check: answer((request) => provider.check(request)),
    diff: answer((request) => provider.diff(request)),
    create: answer((request) => provider.create(request)),
    read: answer((request) => provider.read(request)),
    update: answer((request) => provider.update(request)),
    delete: answer(async (request) => {
      await provider.delete(request);
      return new Empty();
    }),
    invoke: answer((request) => provider.invoke(request)),
    cancel: answer(() => {
      provider.cancel();
      return new Empty();
    }),
    call: unimplemented("method calls"),
    construct: unimplemented("components"),
    parameterize: unimplemented("parameters"),
    getMapping: unimplemented("mappings"),
    getMappings: unimplemented("mappings"),
    list: (call) =>
      call.destroy(Object.assign(new Error("lists are not served"), { code: grpc.status.UNIMPLEMENTED })),
  };
}
