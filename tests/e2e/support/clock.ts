import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containersOf, docker, serviceName } from "./docker";
import { waitFor } from "./wait";

/** Where the services read what is added to the machine's clock. */
const FOLDER = "/clock";
const LIBRARY = "/usr/local/lib/libfaketime.so.1";
const ENVIRONMENT = {
  LD_PRELOAD: LIBRARY,
  FAKETIME_TIMESTAMP_FILE: `${FOLDER}/offset`,
  FAKETIME_CACHE_DURATION: "1",
  // Time goes on as fast as ever, and timers wait as long: a clock that is set changes neither.
  DONT_FAKE_MONOTONIC: "1",
  NO_FAKE_STAT: "1",
};

/**
 * The clock of some services, which everything in their containers reads as the machine's own. Their images are the stack's with one
 * library more; a later `up` puts the stack's own back.
 */
export class ServiceClock {
  private offsetMs = 0;

  private constructor(private readonly folder: string) {}

  static async of(services: readonly string[]): Promise<ServiceClock> {
    const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-clock-"));
    // The services run as users of their own.
    chmodSync(folder, 0o755);
    const clock = new ServiceClock(folder);
    clock.write();
    for (const service of services) {
      await clock.giveTo(service);
    }
    return clock;
  }

  /** What the services' clock shows. */
  now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  /** Sets the clock of all of them, which they see within a second. */
  set(time: Date): void {
    this.offsetMs = time.getTime() - Date.now();
    this.write();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private write(): void {
    const partial = join(this.folder, ".offset");
    writeFileSync(partial, `+${(this.offsetMs / 1000).toFixed(3)}\n`, { mode: 0o644 });
    renameSync(partial, join(this.folder, "offset"));
  }

  private async giveTo(service: string): Promise<void> {
    const name = serviceName(service);
    const [before] = await containersOf(service);
    const variables = Object.entries(ENVIRONMENT).flatMap(([key, value]) => ["--env-add", `${key}=${value}`]);
    await docker(
      ...["service", "update", "--quiet", "--no-resolve-image"],
      ...["--image", await this.imageWithLibrary(name)],
      ...variables,
      ...["--mount-add", `type=bind,source=${this.folder},target=${FOLDER},readonly`],
      name,
    );
    await waitFor(
      `${service} to run with a clock of its own`,
      async () => {
        const [now] = await containersOf(service);
        if (now === undefined || now === before) {
          return false;
        }
        return (await docker("inspect", "--format", "{{.State.Health.Status}}", now)) === "healthy";
      },
      120,
    );
  }

  private async imageWithLibrary(name: string): Promise<string> {
    const format = "{{.Spec.TaskTemplate.ContainerSpec.Image}}";
    const image = await docker("service", "inspect", "--format", format, name);
    const user = await docker("image", "inspect", "--format", "{{.Config.User}}", image);
    const context = mkdtempSync(join(tmpdir(), "fitnesscrm-clock-image-"));
    try {
      const tag = `${name}-with-a-clock`;
      const lines = [
        `FROM ${image}`,
        "USER root",
        "RUN apt-get update && apt-get install -y --no-install-recommends libfaketime" +
          ` && cp /usr/lib/*/faketime/libfaketime.so.1 ${LIBRARY} && mkdir -p ${FOLDER}`,
        `USER ${user}`,
      ];
      writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
      await docker("build", "--quiet", "--force-rm", "--tag", tag, context);
      return tag;
    } finally {
      rmSync(context, { recursive: true, force: true });
    }
  }
}
