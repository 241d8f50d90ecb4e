/**
 * The engine mounts a task's secrets and configs, writes them, and makes the mount read-only. When anybody has one of those files
 * open for writing at that moment, which a process that the engine is just forking may, the engine fails the task
 * (https://github.com/moby/moby/issues/48783). Neither the image nor the specification is at fault, and Swarm still takes it for a
 * release that does not start, and rolls back.
 */
export const isStartRace = (reason: string): boolean =>
  /unable to remount dir as readonly: .*device or resource busy/.test(reason);

/** How often an update is tried in all when the race ends it. Lost three times in a row, it is no race. */
export const START_TRIES = 3;
