import { UserError } from "../errors";

const LOG_LIMITS = { "max-size": "10m", "max-file": "5" };

/**
 * The engine's configuration with what the manual's log rotation needs, everything else as it was.
 *
 * A container without limits of its own gets these; a full disk by logs is the manual's first example. `live-restore` and
 * Swarm exclude each other: the engine refuses to join one with it.
 *
 * @param current The file, or undefined.
 * @returns The file as it should be; the very same text when nothing is to change.
 * @throws UserError when the file is not a JSON object.
 */
export function mergeDaemonJson(current: string | undefined): string {
  const old = parse(current);
  const driver = old["log-driver"] ?? "json-file";
  const options = isRecord(old["log-opts"]) && driver === "json-file" ? old["log-opts"] : {};
  const merged: Record<string, unknown> = {
    ...old,
    // Options of another driver would keep the engine from starting: they go with it.
    "log-driver": "json-file",
    "log-opts": { ...options, ...LOG_LIMITS },
    "live-restore": false,
  };
  return current !== undefined && JSON.stringify(merged) === JSON.stringify(old)
    ? current
    : `${JSON.stringify(merged, null, 2)}\n`;
}

function parse(text: string | undefined): Record<string, unknown> {
  if (text === undefined || text.trim() === "") {
    return {};
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `/etc/docker/daemon.json on the server is not JSON (${(error as Error).message}): repair or remove it`,
    );
  }
  if (!isRecord(parsed)) {
    throw new UserError("/etc/docker/daemon.json on the server is not a JSON object: repair or remove it");
  }
  return parsed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
