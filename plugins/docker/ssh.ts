/** HTTP connections through `ssh HOST docker system dial-stdio`, one process a connection, as the docker CLI does. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex } from "node:stream";

/** The arguments of `ssh` for a host URL. `--` ends the options, so that no host name can pass for one. */
export function sshArguments(url: URL, sshOpts: readonly string[]): string[] {
  const user = url.username === "" ? [] : ["-l", decodeURIComponent(url.username)];
  const port = url.port === "" ? [] : ["-p", url.port];
  return [...sshOpts, ...user, ...port, "--", url.hostname, "docker", "system", "dial-stdio"];
}

/** `ssh` itself is run, so that ssh_config, keys, agent and jump hosts work as they do by hand. */
export class SshAgent extends Agent {
  private readonly processes = new Set<ChildProcess>();

  constructor(private readonly args: readonly string[]) {
    super({ keepAlive: true, maxSockets: 4 });
  }

  override createConnection(
    _options: unknown,
    done: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const child = spawn("ssh", this.args, { stdio: "pipe" });
    this.processes.add(child);
    child.once("exit", () => this.processes.delete(child));
    done(null, new ProcessStream(child));
    return undefined;
  }

  override destroy(): void {
    super.destroy();
    for (const child of this.processes) child.kill();
  }
}

/** A process's input and output as one stream; its last words on stderr become the error when it fails. */
class ProcessStream extends Duplex {
  private stderr = "";

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    super();
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-2000);
    });
    // The exit tells more than a broken pipe does.
    child.stdin.on("error", () => undefined);
    child.once("error", (error) => this.destroy(new Error(`ssh cannot be run: ${error.message}`)));
    child.once("close", (code) => {
      if (code === 0 || code === null) this.push(null);
      else
        this.destroy(
          new Error(`ssh to the Docker host failed: ${lastLine(this.stderr) || `exit code ${code}`}`),
        );
    });
  }

  override _read(): void {
    this.child.stdout.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A pipe that broke says less than the end of the process, which follows and ends the stream.
    this.child.stdin.write(chunk, encoding, (error) => error || done());
  }

  override _final(done: () => void): void {
    this.child.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.child.kill();
    done(error);
  }

  // What Node's HTTP client calls on a socket and a pipe has no use for.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    this.child.ref();
    return this;
  }
  unref(): this {
    this.child.unref();
    return this;
  }
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim() ?? "";
