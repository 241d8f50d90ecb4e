import type { z } from "zod";
import type { BucketPlace } from "../backup/kept";
import { incidentEvent } from "./event";
import { putEvent, readEvents } from "./store";

/**
 * `incidents put`, with an event on standard input, `incidents get INCIDENT` and `incidents list` (M52).
 *
 * @param read Reads the input.
 * @returns What is printed.
 */
export async function incidents(
  [verb, incident, ...more]: readonly string[],
  place: BucketPlace,
  read: <T>(schema: z.ZodType<T>) => Promise<T>,
): Promise<unknown> {
  if (verb === "put" && incident === undefined) {
    const event = await read(incidentEvent);
    await putEvent(place, event);
    return { id: event.id };
  }
  if (verb === "get" && incident !== undefined && more.length === 0) {
    return readEvents(place, incident);
  }
  if (verb === "list" && incident === undefined) {
    return readEvents(place);
  }
  throw new Error("incidents takes put with an event on standard input, get INCIDENT, or list");
}
