import { z } from "zod";

/** Services that users reach through the edge, and so the ones that can be taken off it. */
export const ISOLATABLE = ["backend", "frontend"] as const;
export type Isolatable = (typeof ISOLATABLE)[number];

/** Where nginx looks, on a volume of its own: see `images/nginx/nginx.conf.template`. */
export const ISOLATION_FOLDER = "/var/log/edge/isolated";

/** What a request below the edge has to answer while its service is isolated. */
export const ISOLATED_ANSWER = /isolated: the operators have taken this part/;

/** A path that belongs to the service, for trying it out. */
export const PATH_OF: Readonly<Record<Isolatable, string>> = { backend: "/api/health", frontend: "/" };

/** Who took a service off the edge, and why. */
export interface Isolation {
  service: Isolatable;
  /** ISO time. */
  at: string;
  by: string;
  reason: string;
}

const isolation = z.object({
  service: z.enum(ISOLATABLE),
  at: z.string(),
  by: z.string(),
  reason: z.string(),
});

/** A file that is there counts, whatever is in it: nginx looks at nothing else. */
export function parseIsolations(stdout: string): Isolation[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const [name = "", ...rest] = line.split(" ");
      const service = ISOLATABLE.find((one) => one === name);
      return service === undefined ? [] : [read(service, rest.join(" "))];
    });
}

function read(service: Isolatable, json: string): Isolation {
  try {
    return isolation.parse({ ...(JSON.parse(json) as object), service });
  } catch {
    return { service, at: "unknown", by: "unknown", reason: "its record cannot be read" };
  }
}

export function formatIsolation({ service, at, by, reason }: Isolation, stack: string): string {
  return `${service} is off the edge since ${at}, by ${by}: ${reason}; ./fitnesscrm isolate ${service} --undo --stack ${stack} puts it back`;
}
