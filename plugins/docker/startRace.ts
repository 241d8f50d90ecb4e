/**
 * The engine mounts a task's secrets and configs, writes them, and makes the mount read-only. Any process that it forks in that
 * moment holds a file open for writing until it executes, and the engine fails the task for it
 * (https://github.com/moby/moby/issues/48783). Neither the image nor the specification is at fault, and Swarm still counts it
 * as a release that does not start, and rolls back.
 */
export const isStartRace = (reason: string): boolean =>
  /unable to remount dir as readonly: .*device or resource busy/.test(reason);

/** How often an update is tried in all when the race ends it. Lost three times in a row, it is no race. */
export const START_TRIES = 3;
