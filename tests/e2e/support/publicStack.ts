import { readFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { Authority } from "./authority";
import { containersOf, docker, serviceName } from "./docker";
import { PORTS } from "./launcher";
import { leaveStack, startAnew, upStack } from "./stack";

/** What launchers need to find the stack by a name that no DNS knows, and to trust who vouches for it. */
const VARIABLES = ["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "PUBLIC_NAME"] as const;

/** The suite's stack as users meet it: TLS at its edge, with a certificate of its public name by ACME, from the first `up` on. */
export class PublicStack {
  private constructor(
    private readonly authority: Authority,
    private readonly name: string,
    private readonly before: NodeJS.ProcessEnv,
  ) {}

  /** Brings it up from nothing. @param days - How long the certificate is good for. */
  static async up(days: number): Promise<PublicStack> {
    // In the stack's network it leads to nginx, so that the agent finds it; elsewhere the tests see to it.
    const name = `tasks.${serviceName("nginx")}`;
    await startAnew();
    const authority = await Authority.start(name, days);
    const stack = new PublicStack(authority, name, { ...process.env });
    process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} --require=${join(__dirname, "publicName.cjs")}`;
    process.env.NODE_EXTRA_CA_CERTS = authority.roots;
    process.env.PUBLIC_NAME = `${name}:${PORTS.https}`;
    const settings = [
      "drills=false",
      `http.publicUrl=${stack.url}`,
      `http.httpsPort=${PORTS.https}`,
      "http.tls.email=ops@example.com",
      `http.tls.directory=${authority.directory}`,
      `http.tls.trust=${authority.trust}`,
    ];
    const { code, stdout, stderr } = await upStack(...settings.flatMap((setting) => ["--set", setting]));
    if (code !== 0) {
      await stack.leave();
      throw new Error(`up with http.tls ended with ${code}:\n${stdout}\n${stderr}`);
    }
    return stack;
  }

  get url(): string {
    return `https://${this.name}`;
  }

  get browserOptions(): string[] {
    return [`--host-resolver-rules=MAP ${this.name}:443 127.0.0.1:${PORTS.https}`];
  }

  /** Certificates that the authority gives from now on are good for so many days. */
  async certifyFor(days: number): Promise<void> {
    await this.authority.restart(days);
    // The stand-in forgets its accounts, which no real one does: ops makes itself known again.
    const [ops = "ops"] = await containersOf("ops");
    await docker("exec", ops, "rm", "-r", "/certificates/acme");
  }

  /** Asks the edge by TLS; an answer that nobody vouches for is an error. */
  ask(path: string): Promise<{ status: number; body: string; certificate: PeerCertificate }> {
    return new Promise((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port: PORTS.https,
        servername: this.name,
        path,
        headers: { host: this.name, accept: "text/html" },
        ca: readFileSync(this.authority.roots),
        agent: false,
        timeout: 10_000,
      };
      const asking = get(options, (answer) => {
        const certificate = (answer.socket as TLSSocket).getPeerCertificate();
        let body = "";
        answer.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body, certificate }));
      });
      asking.on("timeout", () => asking.destroy(new Error("no answer within 10 s")));
      asking.on("error", reject);
    });
  }

  async leave(): Promise<void> {
    for (const variable of VARIABLES) {
      const value = this.before[variable];
      if (value === undefined) {
        delete process.env[variable];
      } else {
        process.env[variable] = value;
      }
    }
    await leaveStack();
    await this.authority.remove();
  }
}
