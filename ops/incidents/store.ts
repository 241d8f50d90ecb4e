import { PREFIXES } from "../../bucketLayout";
import { type BucketPlace, parseKept, withKept } from "../backup/kept";
import { type IncidentEvent, incidentEvent, requireIncident } from "./event";

/** Somebody waits who has an incident to look after, and a place of their own to keep the event in. */
const EVENTS = { prefix: PREFIXES.incidents, patienceMs: 10_000 };
const ENDING = ".json";
/** Objects that are read at a time. */
const AT_ONCE = 8;
/** How many incidents a list has at most, the newest. */
const MOST_INCIDENTS = 50;

/** Writes an event. One that is there already is written again as it was: events are never changed. */
export async function putEvent(place: BucketPlace, event: IncidentEvent): Promise<void> {
  await withKept(place, EVENTS, "backup_writer", (store) =>
    store.putText(`${event.incident}/${event.id}${ENDING}`, `${JSON.stringify(event)}\n`),
  );
}

/**
 * The events of one incident, or of the newest ones.
 *
 * @throws Error of one line, also for an object that is no event.
 */
export async function readEvents(place: BucketPlace, incident?: string): Promise<IncidentEvent[]> {
  const below = incident === undefined ? "" : `${requireIncident(incident)}/`;
  return withKept(place, EVENTS, "backup_reader", async (store) => {
    const keys = (await store.list(below)).map(({ key }) => key).filter((key) => key.endsWith(ENDING));
    const newest = [...new Set(keys.map(incidentOf))].sort().reverse().slice(0, MOST_INCIDENTS);
    const wanted = keys.filter((key) => newest.includes(incidentOf(key)));
    const events: IncidentEvent[] = [];
    for (let from = 0; from < wanted.length; from += AT_ONCE) {
      const read = wanted
        .slice(from, from + AT_ONCE)
        .map(async (key) =>
          parseKept(
            incidentEvent,
            `${EVENTS.prefix}${key}`,
            await store.getText(key),
            "is no event of an incident",
          ),
        );
      events.push(...(await Promise.all(read)));
    }
    return events;
  });
}

function incidentOf(key: string): string {
  return key.split("/")[0] ?? "";
}
