import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

/** Data that outlives every container, the log of the edge, the sockets of the engine's reader, and the pages for people. */
export const VOLUMES = [
  "postgres",
  "redis",
  "uploads",
  "backups",
  "restore",
  "edge-log",
  "engine",
  "engine-logs",
  "pages",
] as const;
export type VolumeName = (typeof VOLUMES)[number];

const DRILL_DISK_MIB = 16;

/**
 * What stands still below the services: the overlay network and the volumes. Both have fixed names and are protected, so
 * that neither a renamed resource nor a hasty `destroy` takes data along (M2).
 */
export class StackFoundation extends pulumi.ComponentResource {
  readonly network: docker.Network;
  readonly volumes: Record<VolumeName, docker.Volume>;
  /** The edge's certificate, and the key of the account that it was got with; on stacks with TLS at the edge only. */
  readonly certificates: docker.Volume | undefined;
  /** Small file system in memory that a fire drill fills; on stacks for drills only. */
  readonly drillDisk: docker.Volume | undefined;

  constructor(
    name: string,
    args: { stack: string; drills: boolean; certificates: boolean },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("fitnesscrm:stack:Foundation", name, {}, opts);

    this.network = this.createNetwork(name, args.stack);
    this.volumes = {
      postgres: this.createVolume("postgres", args.stack),
      redis: this.createVolume("redis", args.stack),
      uploads: this.createVolume("uploads", args.stack),
      backups: this.createVolume("backups", args.stack),
      restore: this.createVolume("restore", args.stack),
      "edge-log": this.createVolume("edge-log", args.stack),
      engine: this.createVolume("engine", args.stack),
      "engine-logs": this.createVolume("engine-logs", args.stack),
      pages: this.createVolume("pages", args.stack),
    };
    this.certificates = args.certificates ? this.createVolume("certificates", args.stack) : undefined;
    this.drillDisk = args.drills ? this.createDrillDisk(args.stack) : undefined;
    this.registerOutputs({ networkName: this.network.name });
  }

  private createNetwork(name: string, stack: string): docker.Network {
    return new docker.Network(
      name,
      { name: `fitnesscrm-${stack}`, driver: "overlay", labels: labels(stack) },
      { parent: this, protect: true },
    );
  }

  private createVolume(volume: VolumeName | "certificates", stack: string): docker.Volume {
    return new docker.Volume(
      volume,
      { name: `fitnesscrm-${stack}-${volume}`, labels: labels(stack) },
      // A volume that was lost is made anew by the engine, without labels, as soon as a task wants it. To replace it for that would
      // be to delete it, with what was restored into it.
      { parent: this, protect: true, ignoreChanges: ["labels"] },
    );
  }

  private createDrillDisk(stack: string): docker.Volume {
    return new docker.Volume(
      "drill-disk",
      {
        name: `fitnesscrm-${stack}-drill-disk`,
        driver: "local",
        driverOpts: { type: "tmpfs", device: "tmpfs", o: `size=${DRILL_DISK_MIB}m` },
        labels: labels(stack),
      },
      { parent: this, ignoreChanges: ["labels"] },
    );
  }
}

function labels(stack: string): { label: string; value: string }[] {
  return [{ label: "fitnesscrm.stack", value: stack }];
}
