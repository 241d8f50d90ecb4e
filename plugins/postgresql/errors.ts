import { DatabaseError } from "pg";

/** An object of the database, as it is named in messages. */
export interface Thing {
  /** E.g. `role`, `grant`. */
  readonly kind: string;
  readonly name: string;
  /** Type token and import id, for objects that can be imported. */
  readonly importAs?: { readonly token: string; readonly id: string };
}

const DUPLICATE = new Set(["42710", "42P04", "42P06", "23505"]);

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, "; ").trim();
}

/** Anything that a hash or a password could stand in is taken out of what the server says. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text
    .replace(/SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=$:]*/g, "[secret]")
    .replace(/md5[0-9a-f]{32}/g, "[secret]");
  for (const secret of secrets) {
    if (secret !== undefined && secret !== "") {
      clean = clean.replaceAll(secret, "[secret]");
    }
  }
  return clean;
}

/** One line: the thing, what was wrong with it and, where it is known, what to do. */
export function explain(
  action: string,
  thing: Thing,
  error: unknown,
  secrets: readonly (string | undefined)[] = [],
): Error {
  if (error instanceof ConnectionError) {
    return error;
  }
  const label = `${thing.kind} ${JSON.stringify(thing.name)}`;
  if (error instanceof DatabaseError && DUPLICATE.has(error.code ?? "") && action === "create") {
    const importing =
      thing.importAs === undefined
        ? ""
        : `import it (pulumi import ${thing.importAs.token} NAME ${thing.importAs.id}) or `;
    return new Error(`${label} exists already: ${importing}remove it`);
  }
  const message = error instanceof Error ? error.message : String(error);
  const detail = error instanceof DatabaseError && error.detail !== undefined ? ` (${error.detail})` : "";
  const hint = error instanceof DatabaseError && error.code === "2BP01" ? dependentHint(thing) : "";
  return new Error(
    withoutSecrets(oneLine(`${label}: cannot ${action} it: ${message}${detail}${hint}`), secrets),
  );
}

function dependentHint(thing: Thing): string {
  return thing.kind === "role"
    ? ": drop or reassign in each database what the role owns or was granted, then try again"
    : ": remove what depends on it first, or set dropCascade";
}

/** The server could not be reached or refused the login. Says which server; never a password. */
export class ConnectionError extends Error {}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "there is no route to the host",
  ENETUNREACH: "there is no route to the network",
  ETIMEDOUT: "no answer",
  ECONNRESET: "the connection was closed",
};

/** Why no connection could be made, in one line. */
export function connectionError(
  where: { host: string; port: number; username: string },
  database: string,
  error: unknown,
): ConnectionError {
  const server = `PostgreSQL at ${where.host}:${where.port}`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = error instanceof Error ? oneLine(error.message) : String(error);
  switch (code) {
    case "28P01":
    case "28000":
      return new ConnectionError(
        `${server} refuses user ${JSON.stringify(where.username)}: check the provider's username and password (${message})`,
      );
    case "3D000":
      return new ConnectionError(`${server} has no database ${JSON.stringify(database)}: create it first`);
    case "53300":
      return new ConnectionError(
        `${server} has no connection left: close some or lower the provider's maxConnections`,
      );
  }
  const reason = NETWORK[code] ?? (message === "" ? code : message);
  return new ConnectionError(
    `${server} cannot be reached: ${reason}: check that it runs and the provider's host and port`,
  );
}
