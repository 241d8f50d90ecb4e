import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../../config";
import type { Image } from "../images/image";
import { swarmSecret } from "./files";
import type { StackFoundation } from "./foundation";
import { StackService } from "./service";

export interface OperationsArgs {
  stack: string;
  foundation: StackFoundation;
  images: { ops: Image; agent: Image };
  config: Pick<Config, "resources">;
  /** Connections as the monitoring role: statistics, no data. */
  monitoringDatabaseUrl: pulumi.Input<string>;
  redisUrl: pulumi.Input<string>;
  dependsOn: pulumi.Input<pulumi.Resource>[];
}

/**
 * What runs beside the application: ops, which checks the stack from inside (and is the home of backups, drills and reports),
 * and the metrics agent, one on every node. Neither has the Docker socket, neither runs as root.
 */
export class Operations extends pulumi.ComponentResource {
  readonly ops: StackService;
  readonly agent: StackService;

  constructor(name: string, args: OperationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:stack:Operations", name, {}, opts);

    this.ops = this.createOps(args);
    this.agent = this.createAgent(args);
    this.registerOutputs({ ops: this.ops.serviceName, agent: this.agent.serviceName });
  }

  private createOps(args: OperationsArgs): StackService {
    const { stack, foundation, images, config } = args;
    return new StackService(
      "ops",
      {
        stack,
        service: "ops",
        network: foundation.network,
        image: images.ops.reference,
        secrets: {
          ops_database_url: swarmSecret(stack, "ops-database-url", args.monitoringDatabaseUrl, this),
          redis_url: swarmSecret(stack, "ops-redis-url", args.redisUrl, this),
        },
        scratchMiB: { "/tmp": 64 },
        readOnlyRoot: true,
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources.ops,
        replicas: 1,
        update: "roll",
        pinned: true,
      },
      { parent: this, dependsOn: args.dependsOn },
    );
  }

  private createAgent(args: OperationsArgs): StackService {
    const { stack, foundation, images, config } = args;
    return new StackService(
      "agent",
      {
        stack,
        service: "agent",
        network: foundation.network,
        image: images.agent.reference,
        environment: { AGENT_STACK: stack, HOST_PROC: "/hostfs/proc" },
        readOnlyRoot: true,
        secrets: {
          monitoring_database_url: swarmSecret(
            stack,
            "monitoring-database-url",
            args.monitoringDatabaseUrl,
            this,
          ),
        },
        // Not the whole of /, where the engine's socket lies.
        hostFolders: { "/hostfs/proc": "/proc" },
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources.agent,
        replicas: "global",
        update: "roll",
      },
      { parent: this, dependsOn: args.dependsOn },
    );
  }
}
