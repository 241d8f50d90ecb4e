import { createHash } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";

const line = z.strictObject({
  user: z.string().regex(/^[0-9a-f]{32}$/),
  state: z.enum(["begun", "sent", "failed"]),
});

/** `begun`: it was handed over, and nobody knows whether it arrived there; `failed`: it was refused, or nobody was there to take it. */
export type Delivery = z.infer<typeof line>["state"];

/**
 * Who got the notice of one window: a line before each mail and one after it, each on the disk before anything else happens. Of a run that was
 * killed at most one mail stands as `begun`, which may have gone out. Addresses stand there as digests: the file says nothing about people.
 */
export class Deliveries {
  private constructor(
    private readonly path: string,
    private readonly known: Map<string, Delivery>,
  ) {}

  /** @throws Error when the volume cannot be written. */
  static async open(path: string): Promise<Deliveries> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const known = new Map<string, Delivery>();
    for (const one of text.split("\n")) {
      const parsed = parse(one);
      if (parsed !== undefined) known.set(parsed.user, parsed.state);
    }
    const deliveries = new Deliveries(path, known);
    // A line that a kill has cut short takes only itself along.
    await deliveries.append(text === "" || text.endsWith("\n") ? "" : "\n");
    return deliveries;
  }

  of(address: string): Delivery | undefined {
    return this.known.get(digestOf(address));
  }

  /** On the disk when this resolves. */
  async note(address: string, state: Delivery): Promise<void> {
    const user = digestOf(address);
    await this.append(`${JSON.stringify({ user, state })}\n`);
    this.known.set(user, state);
  }

  private async append(text: string): Promise<void> {
    const file = await open(this.path, "a", 0o600);
    try {
      await file.appendFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

function digestOf(address: string): string {
  return createHash("sha256").update(address).digest("hex").slice(0, 32);
}

function parse(text: string): z.infer<typeof line> | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
