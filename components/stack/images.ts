import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Config, Pin } from "../../config";
import { type BuiltImageArgs, Image, tagOf } from "../images/image";

export interface StackImagesArgs {
  stack: string;
  app: Config["app"];
  dockerHost: string;
  /** Images that a rollback holds in place of those that would be built or pulled (M20). */
  pinned: Pin["images"] | undefined;
  /** What browsers call the API by; built into the frontend. */
  publicUrl: string;
  /** Version of the metrics agent; its binary is part of the toolchain. */
  agentVersion: string;
  /** Day of the image refresh: what is built has the packages of that day, or newer ones (M13). Undefined before the first one. */
  packagesOf: string | undefined;
}

/** Images that the project makes from its own `images/` folder. */
type OwnImage = "postgres" | "redis" | "nginx" | "ops" | "engine" | "agent";

/** What the program of ops has beside its own folder: a change to one of them is a change to its image. */
export const OPS_SOURCES = [
  "acknowledgement.ts",
  "alarmCatalogue.ts",
  "bucketLayout.ts",
  "maintenanceMutes.ts",
  "maintenanceSettings.ts",
  "maintenanceWindow.ts",
  "manual.ts",
  "metricNames.ts",
  "rota.ts",
  "serviceNames.ts",
  "stackAlarms.ts",
  "statementText.ts",
  "timePrefixes.ts",
  "wallClock.ts",
] as const;

interface Refreshed {
  readonly image: Image;
  readonly refresh: NonNullable<BuiltImageArgs["refresh"]>;
}

/** Every image of the stack: the application's, built or pulled (M17), and those of the project. */
export class StackImages extends pulumi.ComponentResource {
  readonly backend: Image;
  readonly frontend: Image;
  readonly own: Record<OwnImage, Image>;
  /** Image references by service, for the release (M19). */
  readonly references: pulumi.Output<Record<string, string>>;
  /** What built images start from after an image refresh. */
  private readonly refreshed: Refreshed | undefined;

  constructor(
    name: string,
    private readonly args: StackImagesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("fitnesscrm:stack:Images", name, {}, opts);

    this.refreshed = this.refreshedBase();
    this.backend = this.applicationImage("backend", {});
    this.frontend = this.applicationImage("frontend", { VITE_API_URL: args.publicUrl });
    this.own = {
      postgres: this.ownImage("postgres"),
      redis: this.ownImage("redis"),
      nginx: this.ownImage("nginx"),
      ops: this.ownImage("ops", {
        prepare: "images/ops/prepare.sh",
        alsoDependsOn: {
          folders: ["ops"],
          words: [...OPS_SOURCES, "package-lock.json"].map(contentOf),
        },
      }),
      engine: this.ownImage("engine"),
      agent: this.ownImage("agent", {
        prepare: "images/agent/prepare.sh",
        alsoDependsOn: { words: [args.agentVersion] },
      }),
    };

    this.references = pulumi.all({
      backend: this.backend.reference,
      frontend: this.frontend.reference,
      db: this.own.postgres.reference,
      redis: this.own.redis.reference,
      nginx: this.own.nginx.reference,
      ops: this.own.ops.reference,
      engine: this.own.engine.reference,
      agent: this.own.agent.reference,
    });
    this.registerOutputs({ references: this.references });
  }

  private applicationImage(part: "backend" | "frontend", buildArgs: Record<string, string>): Image {
    const { app, dockerHost, stack, pinned } = this.args;
    if (pinned !== undefined) {
      return new Image(part, { reference: pinned[part], dockerHost }, { parent: this });
    }
    const published = part === "backend" ? app.backendImage : app.frontendImage;
    return app.source === undefined
      ? new Image(part, { reference: published ?? "", dockerHost }, { parent: this })
      : this.builtImage(part, {
          repository: `fitnesscrm-${stack}/${part}`,
          context: `${app.source}/${part}`,
          dockerfile: "Dockerfile.prod",
          buildArgs,
          dockerHost,
        });
  }

  private refreshedBase(): Refreshed | undefined {
    const { packagesOf, dockerHost } = this.args;
    if (packagesOf === undefined) {
      return undefined;
    }
    const args: BuiltImageArgs = {
      repository: "fitnesscrm/packages",
      context: "images/base",
      buildArgs: { PACKAGES: packagesOf },
      dockerHost,
    };
    return {
      image: new Image("packages", args, { parent: this }),
      refresh: { packagesOf, base: tagOf(args) },
    };
  }

  private builtImage(name: string, args: BuiltImageArgs): Image {
    return this.refreshed === undefined
      ? new Image(name, args, { parent: this })
      : new Image(
          name,
          { ...args, refresh: this.refreshed.refresh },
          { parent: this, dependsOn: this.refreshed.image },
        );
  }

  private ownImage(
    image: OwnImage,
    more: { prepare?: string; alsoDependsOn?: { folders?: string[]; words?: string[] } } = {},
  ): Image {
    const { pinned, dockerHost } = this.args;
    if (pinned !== undefined && image === "nginx") {
      return new Image(image, { reference: pinned.nginx, dockerHost }, { parent: this });
    }
    return this.builtImage(image, {
      // One repository for all stacks of a machine: the same content is built once.
      repository: `fitnesscrm/${image}`,
      context: `images/${image}`,
      dockerHost,
      ...more,
    });
  }
}

/** What the bundled program is made of beside its own folder. */
function contentOf(file: string): string {
  return readFileSync(file, "utf8");
}
