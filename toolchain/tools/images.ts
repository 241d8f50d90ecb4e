import { copyFile, cp } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context";
import { build, HUB, INPUTS_LABEL, image, pull } from "../docker";
import { hashOf } from "../home";
import type { Tool, Way } from "../types";
import { BASE_IMAGE, baseImageId } from "./base";

/** An image that Docker Hub has, and that `images/FOLDER` makes where Docker Hub is out of reach. */
export interface StandIn {
  readonly name: string;
  readonly why: string;
  /** Reference on Docker Hub. */
  readonly official: string;
  /** Name under which it is used, wherever it came from. */
  readonly tag: string;
  readonly folder: string;
  /** Why the one made here is preferred where both can be had; the official one then only stands in for it. */
  readonly better?: string;
  /** A program of the home's `bin` that the folder's Dockerfile copies, under the same name. */
  readonly program?: { readonly tool: Tool; readonly file: string };
}

export const AWS_EMULATOR_VERSION = "4.14.0";
export const AWS_EMULATOR_IMAGE = `fitnesscrm/aws-emulator:${AWS_EMULATOR_VERSION}`;

export const AWS_EMULATOR: StandIn = {
  name: "AWS emulator image",
  why: "run without an AWS account",
  official: `localstack/localstack:${AWS_EMULATOR_VERSION}`,
  tag: AWS_EMULATOR_IMAGE,
  folder: "aws-emulator",
  better: "it keeps what it holds over a restart",
};

/** An official image is taken as it is; one made here is made again when its folder, its base or its program changes. */
export function imageTool(context: Context, wanted: StandIn, engine: Tool, base: Tool): Tool {
  const { host, home, project } = context;
  const folder = join(project, "images", wanted.folder);
  const inputs = async () => {
    return hashOf([folder], [await baseImageId(context), String(await wanted.program?.tool.present())]);
  };
  const official: Way = {
    name: "Docker Hub",
    obstacle: () => host.silent(HUB),
    get: (step) => pull(host, wanted.official, wanted.tag, step),
  };
  const built: Way = {
    name: `building images/${wanted.folder}`,
    needs: wanted.program === undefined ? [base] : [base, wanted.program.tool],
    exclusive: "build",
    get: (step) =>
      home.inTemporary(wanted.folder, async (temporary) => {
        const made = await inputs();
        const buildContext = join(temporary, "context");
        await cp(folder, buildContext, { recursive: true });
        const file = wanted.program?.file;
        if (file !== undefined) await copyFile(join(home.bin, file), join(buildContext, file));
        const labels = { "fitnesscrm.role": wanted.folder, [INPUTS_LABEL]: made };
        await build(
          host,
          { folder: buildContext, tag: wanted.tag, args: { BASE: BASE_IMAGE }, labels },
          step,
        );
        if (made !== (await inputs())) {
          throw new Error(`images/${wanted.folder} or its base changed while it was built: run this again`);
        }
      }),
  };
  return {
    name: wanted.name,
    why: wanted.why,
    remedy: `let the engine pull ${wanted.official} and tag it ${wanted.tag}, or see what the build in images/${wanted.folder} says`,
    needs: [engine],
    async present() {
      const found = await image(host, wanted.tag);
      if (found === undefined) return undefined;
      const made = found.labels[INPUTS_LABEL];
      if (made === undefined) return `${wanted.tag} (official)`;
      // Without a base there is nothing to compare with: it is made again, and so is the base.
      const current = await inputs().catch(() => undefined);
      return made === current ? `${wanted.tag} (built here)` : undefined;
    },
    ways: wanted.better === undefined ? [official, built] : [built, official],
  };
}
