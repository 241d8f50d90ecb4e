import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Config, Pin } from "../../config";
import { Image } from "../images/image";

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
}

/** Images that the project makes from its own `images/` folder. */
type OwnImage = "postgres" | "redis" | "nginx" | "ops" | "engine" | "agent";

/** Every image of the stack: the application's, built or pulled (M17), and those of the project. */
export class StackImages extends pulumi.ComponentResource {
  readonly backend: Image;
  readonly frontend: Image;
  readonly own: Record<OwnImage, Image>;
  /** Image references by service, for the release (M19). */
  readonly references: pulumi.Output<Record<string, string>>;

  constructor(
    name: string,
    private readonly args: StackImagesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("fitnesscrm:stack:Images", name, {}, opts);

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
          words: [
            "manual.ts",
            "config.ts",
            "metricNames.ts",
            "wallClock.ts",
            "bucketLayout.ts",
            "package-lock.json",
          ].map(contentOf),
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
    return new Image(
      part,
      app.source === undefined
        ? { reference: published ?? "", dockerHost }
        : {
            repository: `fitnesscrm-${stack}/${part}`,
            context: `${app.source}/${part}`,
            dockerfile: "Dockerfile.prod",
            buildArgs,
            dockerHost,
          },
      { parent: this },
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
    return new Image(
      image,
      {
        // One repository for all stacks of a machine: the same content is built once.
        repository: `fitnesscrm/${image}`,
        context: `images/${image}`,
        dockerHost,
        ...more,
      },
      { parent: this },
    );
  }
}

/** What the bundled program is made of beside its own folder. */
function contentOf(file: string): string {
  return readFileSync(file, "utf8");
}
