import { z } from "zod";
import { UserError } from "../errors";
import type { Pulumi, StackState } from "../pulumi";
import type { History, UpdateInfo } from "./history";

const page = z.array(
  z.object({
    version: z.number(),
    kind: z.string(),
    startTime: z.string(),
    endTime: z.string().nullish(),
    result: z.enum(["succeeded", "failed", "in-progress"]).nullish(),
    resourceChanges: z.record(z.string(), z.number()).nullish(),
  }),
);

const PAGE_SIZE = 100;

/** The history that Pulumi Cloud keeps: it numbers updates itself, and exports the state of each. */
export class CloudHistory implements History {
  constructor(private readonly pulumi: Pick<Pulumi, "run" | "runChecked" | "context">) {}

  async updates(): Promise<UpdateInfo[]> {
    const { stack } = this.pulumi.context;
    const updates: UpdateInfo[] = [];
    for (let number = 1; ; number++) {
      const paging = ["--page-size", String(PAGE_SIZE), "--page", String(number)];
      const args = ["stack", "history", "--json", "--stack", stack, ...paging];
      const found = page.safeParse(parseJson(await this.pulumi.runChecked("history of the stack", args)));
      if (!found.success) {
        throw new UserError(
          `history of stack ${stack}: pulumi answered something unexpected: run ./fitnesscrm up, which gets the version ` +
            "that this checkout was made for",
        );
      }
      updates.push(...found.data.map(updateOf));
      if (found.data.length < PAGE_SIZE) {
        return updates.sort((a, b) => a.version - b.version);
      }
    }
  }

  async state(version: number): Promise<StackState | undefined> {
    const { stack } = this.pulumi.context;
    const args = ["stack", "export", "--version", String(version), "--stack", stack];
    const { code, stdout } = await this.pulumi.run(args);
    const exported = code === 0 ? parseJson(stdout) : undefined;
    return (exported as { deployment?: StackState | null } | undefined)?.deployment ?? undefined;
  }
}

function updateOf(update: z.infer<typeof page>[number]): UpdateInfo {
  return {
    version: update.version,
    kind: update.kind,
    result: update.result ?? "in-progress",
    startedAt: new Date(update.startTime).toISOString(),
    endedAt: update.endTime == null ? null : new Date(update.endTime).toISOString(),
    changes: update.resourceChanges ?? null,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
