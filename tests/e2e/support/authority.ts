import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitnesscrmHome } from "../../../cli/context";
import { run } from "../../../cli/exec";
import { BASE_IMAGE } from "../../../toolchain";
import { docker } from "./docker";
import { PORTS, STACK } from "./launcher";
import { waitFor } from "./wait";

const DAY_SECONDS = 86_400;
const OFFSET = PORTS.http - 18080;
const DIRECTORY_PORT = 14000 + OFFSET;
const MANAGEMENT_PORT = 15000 + OFFSET;
const CONTAINER = `fitnesscrm-test-authority-${STACK}`;

/**
 * Let's Encrypt's stand-in, outside of the stack as the real one is: ops comes to it by this machine's address, and it comes to the stack's
 * published port to look. It forgets its accounts and takes new roots with each start.
 */
export class Authority {
  private constructor(
    private readonly folder: string,
    private readonly address: string,
    /** The public name that it gives certificates for. */
    private readonly name: string,
  ) {}

  static async start(name: string, days: number): Promise<Authority> {
    const address = await docker(
      ...["network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "docker_gwbridge"],
    );
    const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-authority-"));
    const made = await run(
      "openssl",
      [
        ...[
          "req",
          "-x509",
          "-nodes",
          "-days",
          "2",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
        ],
        ...["-subj", "/CN=authority", "-addext", `subjectAltName=IP:${address},IP:127.0.0.1`],
        ...["-keyout", join(folder, "key.pem"), "-out", join(folder, "own.pem")],
      ],
      { timeoutSeconds: 30 },
    );
    if (made.code !== 0) {
      throw new Error(`openssl made no certificate: ${made.stderr}`);
    }
    const authority = new Authority(folder, address, name);
    try {
      await authority.begin(days);
    } catch (error) {
      await authority.remove();
      throw error;
    }
    return authority;
  }

  /** URL of the ACME directory. */
  get directory(): string {
    return `https://${this.address}:${DIRECTORY_PORT}/dir`;
  }

  /** By which the directory's own certificate is checked. */
  get trust(): string {
    return readFileSync(join(this.folder, "own.pem"), "utf8");
  }

  /** File with the roots of the certificates that it gives now, and gave. */
  get roots(): string {
    return join(this.folder, "roots.pem");
  }

  /** Gives certificates of another length from now on. */
  async restart(days: number): Promise<void> {
    await docker("rm", "--force", CONTAINER);
    await this.begin(days);
  }

  async remove(): Promise<void> {
    await run("docker", ["rm", "--force", CONTAINER], { timeoutSeconds: 60 });
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async begin(days: number): Promise<void> {
    const settings = {
      listenAddress: `0.0.0.0:${DIRECTORY_PORT}`,
      managementListenAddress: `127.0.0.1:${MANAGEMENT_PORT}`,
      certificate: "/authority/own.pem",
      privateKey: "/authority/key.pem",
      httpPort: PORTS.http,
      tlsPort: PORTS.https,
      ocspResponderURL: "",
      externalAccountBindingRequired: false,
      keyAlgorithm: "ecdsa",
      profiles: { default: { description: "tests", validityPeriod: days * DAY_SECONDS } },
    };
    writeFileSync(join(this.folder, "settings.json"), JSON.stringify({ pebble: settings }));
    const program = join(fitnesscrmHome(), "bin", "pebble");
    if (!existsSync(program)) {
      throw new Error(`${program} is missing: ./fitnesscrm test gets it`);
    }
    await run("docker", ["rm", "--force", CONTAINER], { timeoutSeconds: 60 });
    await docker(
      ...["run", "--detach", `--name=${CONTAINER}`, "--network=host", `--add-host=${this.name}:127.0.0.1`],
      ...["--env=PEBBLE_VA_NOSLEEP=1", "--env=PEBBLE_WFE_NONCEREJECT=0"],
      ...[`--volume=${program}:/pebble:ro`, `--volume=${this.folder}:/authority:ro`],
      ...["--entrypoint=/pebble", BASE_IMAGE, "-config", "/authority/settings.json"],
    );
    const root = await waitFor("the authority to answer", () => this.ask("/roots/0").catch(() => undefined));
    appendFileSync(this.roots, root);
  }

  private ask(path: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: MANAGEMENT_PORT, path, ca: this.trust, agent: false };
      get(options, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        answer.on("end", () => resolve(answer.statusCode === 200 ? body : undefined));
      }).on("error", reject);
    });
  }
}
