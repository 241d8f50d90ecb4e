import { createHash } from "node:crypto";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { contextHash } from "./contextHash";

export interface BuiltImageArgs {
  /** Repository part of the tag, e.g. `fitnesscrm-local/backend`. */
  repository: string;
  /** Build context, absolute or relative to the project. */
  context: string;
  /** Relative to the context; default `Dockerfile`. */
  dockerfile?: string;
  /** Build arguments. Never secrets: they stay readable in the image's history. */
  buildArgs?: Record<string, string>;
  /** Script that puts further files, such as a bundled program, into the folder that it gets as its argument. */
  prepare?: string;
  /** Folders and words beside the context that the image depends on: its content changes when they do. */
  alsoDependsOn?: { folders?: string[]; words?: string[] };
  /** After an image refresh (M13): its day, and the tag of the base that has the packages of that day. */
  refresh?: { packagesOf: string; base: string };
  /** Docker host to build on; empty for this machine's engine. */
  dockerHost: string;
}

export interface PublishedImageArgs {
  /** Image by digest. */
  reference: string;
  dockerHost: string;
}

/** What `build.sh` prints. */
interface Inspected {
  id: string;
  entrypoint: string[] | null;
  cmd: string[] | null;
}

/**
 * One image on the Docker host: built from a folder, or pulled by digest (M17).
 *
 * Built images are known by their ID, which is a digest of their content: two builds of one thing cannot be mixed up, the
 * engine never asks a registry for it, and a release names exactly what runs. The tag carries the digest of the context,
 * so that an unchanged folder is never built again.
 *
 * @example
 * const backend = new Image("backend", { repository: "fitnesscrm-local/backend", context: "app/backend", dockerHost: "" });
 * new docker.Service("backend", { taskSpec: { containerSpec: { image: backend.reference } } });
 */
export class Image extends pulumi.ComponentResource {
  /** What a service runs: `sha256:…` of a built image, `name@sha256:…` of a published one. */
  readonly reference: pulumi.Output<string>;
  /** The image's own entrypoint and command, for services that put a wrapper before it. */
  readonly command: pulumi.Output<string[]>;

  constructor(
    name: string,
    args: BuiltImageArgs | PublishedImageArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("fitnesscrm:images:Image", name, {}, opts);
    const published = "reference" in args;

    const command = new local.Command(
      name,
      {
        create: "sh components/images/build.sh",
        environment: { ...hostEnvironment(args.dockerHost), ...(published ? pull(args) : build(args)) },
        triggers: [published ? args.reference : tagOf(args)],
        logging: local.Logging.None,
      },
      { parent: this },
    );

    const inspected = command.stdout.apply((line) => JSON.parse(line) as Inspected);
    this.reference = published ? pulumi.output(args.reference) : inspected.id;
    this.command = inspected.apply(({ entrypoint, cmd }) => [...(entrypoint ?? []), ...(cmd ?? [])]);
    this.registerOutputs({ reference: this.reference, command: this.command });
  }
}

/** Tag of what would be built: with any change of what it is made of comes another one. */
export function tagOf(args: BuiltImageArgs): string {
  const folders = [args.context, ...(args.alsoDependsOn?.folders ?? [])];
  const content = contextHash(folders, args.dockerfile);
  const words = JSON.stringify([
    content,
    args.dockerfile,
    args.buildArgs,
    args.prepare,
    args.alsoDependsOn?.words,
    // Images of before there were refreshes keep their tags.
    ...(args.refresh === undefined ? [] : [args.refresh]),
  ]);
  return `${args.repository}:${createHash("sha256").update(words).digest("hex").slice(0, 12)}`;
}

function build(args: BuiltImageArgs): Record<string, string> {
  return {
    IMAGE: tagOf(args),
    CONTEXT: args.context,
    ...(args.refresh !== undefined && {
      PACKAGES: args.refresh.packagesOf,
      PACKAGES_BASE: args.refresh.base,
    }),
    ...(args.dockerfile !== undefined && { DOCKERFILE: args.dockerfile }),
    ...(args.prepare !== undefined && { PREPARE: args.prepare }),
    ...(args.buildArgs !== undefined && {
      BUILD_ARGS: Object.entries(args.buildArgs)
        .map(([name, value]) => `${name}=${value}`)
        .join("\n"),
    }),
  };
}

function pull(args: PublishedImageArgs): Record<string, string> {
  return { IMAGE: args.reference };
}

function hostEnvironment(dockerHost: string): Record<string, string> {
  return dockerHost === "" ? {} : { DOCKER_HOST: dockerHost };
}
