import * as pulumi from "@pulumi/pulumi";
import type { Config, Pin } from "../../config";
import { type Release, releaseFacts } from "../../release";

export interface ReleaseArgs {
  /** What the gate before reported. */
  before: pulumi.Output<string>;
  /** What the verification reported; the release is not told before it has passed. */
  after: pulumi.Output<string>;
  source: string | undefined;
  app: Pick<Config["app"], "version" | "environment" | "logLevel" | "allowedOrigins">;
  images: pulumi.Output<Record<string, string>>;
  pin: Pin | undefined;
}

/** The release that is live: immutable, so that applying it again brings back exactly what ran (M19, M20). */
export function describeRelease({
  before,
  after,
  source,
  app,
  images,
  pin,
}: ReleaseArgs): pulumi.Output<Release> {
  return pulumi.all([before, images, after]).apply(([report, references]) => ({
    ...releaseFacts(report),
    app: {
      source: source ?? null,
      version: app.version ?? null,
      environment: app.environment,
      logLevel: app.logLevel,
      allowedOrigins: app.allowedOrigins,
    },
    images: references,
    pinned: pin?.version ?? null,
  }));
}
