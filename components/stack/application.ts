import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../../config";
import { migrationGate } from "../deploy/migration";
import type { Rollout } from "../deploy/rollout";
import type { Image } from "../images/image";
import { EDGE_PORTS } from "./edge";
import { swarmConfig, swarmSecret } from "./files";
import type { StackFoundation } from "./foundation";
import { htpasswd } from "./htpasswd";
import { type ConfigFile, StackService, type StackServiceArgs } from "./service";

export interface ApplicationArgs {
  stack: string;
  rollout: Rollout;
  foundation: StackFoundation;
  images: { backend: Image; frontend: Image; nginx: Image };
  config: Pick<Config, "app" | "http" | "replicas" | "resources">;
  publicUrl: string;
  /** What the application insists on reading from its environment, by variable; kept as Swarm secrets. */
  secrets: Record<string, pulumi.Input<string>>;
  /** Password of the account that `app.adminEmail` names. */
  adminPassword: pulumi.Input<string>;
  /** Password of the status page for operators, where the user is `operator`. */
  operatorsPassword: pulumi.Input<string>;
  /** The database and the cache, usable: the application creates its tables when it starts. */
  dependsOn: pulumi.Input<pulumi.Resource>[];
}

const ADMIN_PASSWORD_FILE = "admin_password";
/** Where our files are mounted inside images that are not ours. */
const FILES = "/fitnesscrm";
/** A request that is under way when its server is replaced may take this long, seconds. */
const DRAIN_SECONDS = 60;
/**
 * A task that is told to stop serves on for this long, seconds: its name has left the network's directory, but who asked for
 * it a moment ago (nginx asks once a second) still comes.
 */
const FORGET_SECONDS = 5;

/**
 * What users talk to: backend, frontend, and nginx before them. Only nginx publishes a port. All but nginx are replaced
 * start-first and health-gated; nginx holds a port of the host, which one task at a time can have.
 */
export class Application extends pulumi.ComponentResource {
  readonly backend: StackService;
  readonly frontend: StackService;
  readonly nginx: StackService;

  private readonly entrypoint: ConfigFile;
  private readonly httpCheck: ConfigFile;

  constructor(name: string, args: ApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:stack:Application", name, {}, opts);
    this.entrypoint = this.script(args.stack, "entrypoint");
    this.httpCheck = this.script(args.stack, "http-check");

    this.backend = this.createBackend(args);
    this.frontend = this.createFrontend(args);
    this.nginx = this.createEdge(args);
    this.registerOutputs({
      backend: this.backend.serviceName,
      frontend: this.frontend.serviceName,
      nginx: this.nginx.serviceName,
    });
  }

  private script(stack: string, script: "entrypoint" | "http-check"): ConfigFile {
    const content = readFileSync(`images/shared/${script}.sh`, "utf8");
    return {
      config: swarmConfig(stack, script, content, this),
      path: `${FILES}/${script}.sh`,
      executable: true,
    };
  }

  private createBackend(args: ApplicationArgs): StackService {
    const declared = this.backendArgs(args);
    const { migrate } = args.config.app;
    const migration =
      migrate === undefined ? [] : [migrationGate(declared, migrate, this.entrypoint.path, this).command];
    return new StackService(
      "backend",
      { ...declared, dependsOn: [...args.dependsOn, ...migration] },
      { parent: this },
    );
  }

  private backendArgs(args: ApplicationArgs): StackServiceArgs {
    const { stack, rollout, foundation, images, config, publicUrl } = args;
    const secrets = Object.entries(args.secrets).map(([variable, value]) => {
      const file = variable.toLowerCase();
      return { variable, file, secret: swarmSecret(stack, file.replaceAll("_", "-"), value, this) };
    });
    return {
      stack,
      rollout,
      service: "backend",
      network: foundation.network,
      image: images.backend.reference,
      // The application reads its secrets from the environment; ours puts them there, out of `docker inspect`'s sight.
      command: [`${FILES}/entrypoint.sh`],
      args: images.backend.command,
      environment: {
        FITNESSCRM_DRAIN_SECONDS: String(FORGET_SECONDS),
        FITNESSCRM_SECRET_ENV: secrets.map(({ variable, file }) => `${variable}=${file}`).join(" "),
        ALLOWED_ORIGINS: [publicUrl, ...config.app.allowedOrigins].join(","),
        LOG_LEVEL: config.app.logLevel,
        ...(config.app.version !== undefined && { APP_VERSION: config.app.version }),
        ...(config.app.adminEmail !== undefined && {
          ADMIN_EMAIL: config.app.adminEmail,
          ADMIN_PASSWORD_FILE: `/run/secrets/${ADMIN_PASSWORD_FILE}`,
        }),
        ...config.app.environment,
      },
      secrets: {
        ...Object.fromEntries(secrets.map(({ file, secret }) => [file, secret])),
        ...(config.app.adminEmail !== undefined && {
          [ADMIN_PASSWORD_FILE]: swarmSecret(stack, "admin-password", args.adminPassword, this),
        }),
      },
      configs: [this.entrypoint, this.httpCheck],
      volumes: { "/app/uploads": foundation.volumes.uploads.name },
      probe: {
        command: [`${FILES}/http-check.sh`, "http://127.0.0.1:5000/api/health"],
        startPeriodSeconds: 60,
      },
      limits: config.resources.backend,
      replicas: config.replicas.backend,
      update: "roll",
      // Uploads are a volume of one node.
      pinned: true,
      stopGraceSeconds: DRAIN_SECONDS,
      dependsOn: args.dependsOn,
    };
  }

  private createFrontend(args: ApplicationArgs): StackService {
    const { stack, rollout, foundation, images, config, publicUrl } = args;
    return new StackService(
      "frontend",
      {
        stack,
        rollout,
        service: "frontend",
        network: foundation.network,
        image: images.frontend.reference,
        command: [`${FILES}/entrypoint.sh`],
        args: images.frontend.command,
        environment: {
          FITNESSCRM_DRAIN_SECONDS: String(FORGET_SECONDS),
          VITE_API_URL: publicUrl,
          VITE_APP_ENV: "production",
        },
        configs: [this.entrypoint, this.httpCheck],
        probe: { command: [`${FILES}/http-check.sh`, "http://127.0.0.1:3000/"] },
        limits: config.resources.frontend,
        // Web servers that start as root and step down need these, and KILL reaches one that did; the rest stays dropped.
        capabilities: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"],
        replicas: config.replicas.frontend,
        update: "roll",
        // An image that was built here is on this node only.
        pinned: config.app.source !== undefined,
        stopGraceSeconds: DRAIN_SECONDS,
      },
      { parent: this },
    );
  }

  private createEdge(args: ApplicationArgs): StackService {
    const { stack, rollout, foundation, images, config, publicUrl } = args;
    const { certificates } = foundation;
    return new StackService(
      "nginx",
      {
        stack,
        rollout,
        service: "nginx",
        network: foundation.network,
        image: images.nginx.reference,
        environment: edgeEnvironment(config.http, publicUrl),
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources.nginx,
        replicas: 1,
        update: "replace",
        pinned: true,
        publish: [
          { host: config.http.port, container: EDGE_PORTS.plain },
          ...(config.http.tls === undefined
            ? []
            : [{ host: config.http.httpsPort, container: EDGE_PORTS.tls }]),
        ],
        secrets: {
          operators: swarmSecret(
            stack,
            "operators",
            pulumi.secret(args.operatorsPassword).apply((password) => htpasswd("operator", password)),
            this,
          ),
        },
        // Where the agent reads them.
        volumes: { "/var/log/edge": foundation.volumes["edge-log"].name },
        readOnlyVolumes: {
          "/pages": foundation.volumes.pages.name,
          ...(certificates !== undefined && { "/certificates": certificates.name }),
        },
        scratchMiB: { "/tmp": 128 },
        readOnlyRoot: true,
        stopGraceSeconds: DRAIN_SECONDS,
      },
      { parent: this },
    );
  }
}

function edgeEnvironment(
  { tls, trustedProxies, loginLimit }: Config["http"],
  publicUrl: string,
): Record<string, string> {
  return {
    ...(tls !== undefined && { NGINX_TLS_URL: publicUrl }),
    ...(trustedProxies.length > 0 && { NGINX_TRUSTED_PROXIES: trustedProxies.join(" ") }),
    NGINX_LOGIN_PATHS: loginLimit.paths.join(" "),
    NGINX_LOGIN_PER_MINUTE: String(loginLimit.perMinute),
    NGINX_LOGIN_BURST: String(loginLimit.burst),
  };
}
