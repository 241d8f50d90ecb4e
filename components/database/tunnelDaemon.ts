/**
 * The tunnel's own process, started by `tunnel.ts` with its settings as JSON in the first argument. It ends by itself when
 * every engine that it was asked to serve has ended, at once when no connection is open.
 */
import { closeSync, rmSync, writeSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { Gate, serveClient } from "./tunnelConnection";
import {
  type Answer,
  controlSocket,
  isAlive,
  type ProcessId,
  parse,
  type Request,
  STARTED_FD,
  type Started,
} from "./tunnelControl";
import { Target } from "./tunnelTarget";

const POLL_MILLISECONDS = 500;
/** How long open connections may go on after the last engine, e.g. for a provider's last answer. */
const GRACE_MILLISECONDS = 750;
const SET_UP_AT_ONCE = 4;
const LONGEST_REQUEST = 4_096;

type Settings = Request & { readonly port: number };

class Daemon {
  readonly #engines: ProcessId[];
  readonly #clients = new Set<Socket>();
  readonly #target: Target;
  readonly #gate = new Gate(SET_UP_AT_ONCE);
  readonly #listener: Server;
  readonly #control: Server;
  #ending = false;

  constructor(private readonly settings: Settings) {
    this.#engines = [settings.engine];
    this.#target = new Target(settings);
    this.#listener = createServer({ noDelay: true }, (client) => this.#serve(client));
    this.#control = createServer((socket) => this.#answer(socket));
  }

  /** Only who has the port may touch the control socket, so a stale one can be removed without a race. */
  async start(): Promise<void> {
    const { port } = this.settings;
    await listening(this.#listener, (listener) => listener.listen(port, "127.0.0.1"));
    rmSync(controlSocket(port), { force: true });
    await listening(this.#control, (control) => control.listen(controlSocket(port)));
    setInterval(() => this.#poll(), POLL_MILLISECONDS);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => this.#exit());
  }

  #poll(): void {
    const alive = this.#engines.filter(isAlive);
    this.#engines.splice(0, this.#engines.length, ...alive);
    if (alive.length === 0) this.#end();
  }

  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    rmSync(controlSocket(this.settings.port), { force: true });
    this.#control.close();
    this.#listener.close(() => this.#exit());
    setTimeout(() => this.#exit(), GRACE_MILLISECONDS);
  }

  #exit(): void {
    if (!this.#ending) rmSync(controlSocket(this.settings.port), { force: true });
    for (const client of this.#clients) client.destroy();
    process.exit(0);
  }

  #serve(client: Socket): void {
    this.#clients.add(client);
    client.once("close", () => this.#clients.delete(client));
    void serveClient(client, this.#target, this.#gate);
  }

  #answer(socket: Socket): void {
    let text = "";
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("utf8");
      // Not answering makes the asker wait for the port and start a daemon of its own.
      if (this.#ending) socket.destroy();
      else if (text.endsWith("\n")) socket.end(`${JSON.stringify(this.#consider(parse<Request>(text)))}\n`);
      else if (text.length > LONGEST_REQUEST) socket.destroy();
    });
  }

  #consider(request: Request | undefined): Answer {
    const { stack, dockerHost } = this.settings;
    const accepted = request !== undefined && request.stack === stack && request.dockerHost === dockerHost;
    if (accepted) this.#engines.push(request.engine);
    return { accepted, stack, dockerHost, daemonPid: process.pid };
  }
}

function listening(server: Server, listen: (server: Server) => Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    listen(server).once("listening", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function report(started: Started): void {
  writeSync(STARTED_FD, `${JSON.stringify(started)}\n`);
  closeSync(STARTED_FD);
}

const settings = parse<Settings>(process.argv[2] ?? "");
if (settings === undefined) {
  process.stderr.write("tunnelDaemon is started by tunnel.ts, with its settings as JSON\n");
  process.exit(2);
}
new Daemon(settings).start().then(
  () => report({ ready: true }),
  (error: NodeJS.ErrnoException) => {
    report({ ready: false, code: error.code, message: error.message });
    process.exit(1);
  },
);
