import { readFile } from "node:fs/promises";
import type { z } from "zod";

/**
 * What ops is told in a file of the stack's.
 *
 * @param what The noun of messages, e.g. `mail settings`.
 * @throws Error of one line when the file is missing, is not JSON, or does not fit: each key with what is wrong with it.
 */
export async function readSettingsFile<T>(what: string, path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the ${what} ${path} cannot be read (${error.code})`);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON: it is made by ./fitnesscrm up`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path: at, message }) => `${at.join(".")}: ${message}`);
    throw new Error(`${path} is not valid: ${faults.join("; ")}`);
  }
  return parsed.data;
}
