/** Lines beside a resource in the engine's display. */
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";

type Severity = "debug" | "info" | "warning" | "error";

/** The engine's log. The connection is opened by the first line: most plugins never write one. */
export class EngineLog {
  private client: EngineClient | undefined;
  private readonly pending = new Set<Promise<void>>();

  constructor(private address: string | undefined) {}

  attach(address: string): void {
    if (address === "" || address === this.address) return;
    this.address = address;
    this.client?.close();
    this.client = undefined;
  }

  write(urn: string, severity: Severity, message: string): void {
    const line = this.send(urn, severity, message)
      // A line that cannot be shown must not fail the operation it speaks of.
      .catch(() => undefined)
      .finally(() => this.pending.delete(line));
    this.pending.add(line);
  }

  /** Resolves once every line written so far was handed over. */
  async flush(): Promise<void> {
    await Promise.all(this.pending);
  }

  private async send(urn: string, severity: Severity, message: string): Promise<void> {
    if (this.address === undefined) return;
    const [grpc, { EngineClient: Client }, { LogRequest, LogSeverity }] = await Promise.all([
      import("@grpc/grpc-js").then(exportsOf),
      import("@pulumi/pulumi/proto/engine_grpc_pb.js").then(exportsOf),
      import("@pulumi/pulumi/proto/engine_pb.js").then(exportsOf),
    ]);
    this.client ??= new Client(this.address, grpc.credentials.createInsecure());
    const { client } = this;
    const levels = {
      debug: LogSeverity.DEBUG,
      info: LogSeverity.INFO,
      warning: LogSeverity.WARNING,
      error: LogSeverity.ERROR,
    };
    const request = new LogRequest();
    request.setUrn(urn);
    request.setSeverity(levels[severity]);
    request.setMessage(message);
    await new Promise<void>((resolve, reject) => {
      client.log(request, (error: Error | null) => (error ? reject(error) : resolve()));
    });
  }
}

/** What a CommonJS module exports. Some loaders name all of it, some only what they can tell from its text. */
function exportsOf<T extends object>(module: T): T {
  return "default" in module ? (module.default as T) : module;
}
