import type { Session } from "./server";

/** Object types of a grant, with the privileges that `ALL` stands for. */
export const PRIVILEGES = {
  database: ["CREATE", "CONNECT", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
  table: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"],
  sequence: ["USAGE", "SELECT", "UPDATE"],
  function: ["EXECUTE"],
  procedure: ["EXECUTE"],
  routine: ["EXECUTE"],
  type: ["USAGE"],
  foreign_data_wrapper: ["USAGE"],
  foreign_server: ["USAGE"],
  column: ["SELECT", "INSERT", "UPDATE", "REFERENCES"],
} as const;

export type ObjectType = keyof typeof PRIVILEGES;

const MAINTAIN_SINCE = 17;

/** What `ALL` means on a server of that version. */
export function allOf(objectType: ObjectType, version: number): string[] {
  return PRIVILEGES[objectType].filter((privilege) => privilege !== "MAINTAIN" || version >= MAINTAIN_SINCE);
}

/** Why a privilege cannot be granted on a type of object, or undefined when it can. */
export function wrongPrivilege(objectType: ObjectType, privilege: string): string | undefined {
  const allowed: readonly string[] = ["ALL", ...PRIVILEGES[objectType]];
  return allowed.includes(privilege)
    ? undefined
    : `${JSON.stringify(privilege)} is no privilege of a ${objectType}: use ${allowed.join(", ")}`;
}

/** Whether the live privileges are the wanted ones, `ALL` spelled out. */
export function samePrivileges(
  live: readonly string[],
  wanted: readonly string[],
  objectType: ObjectType,
  session: Session,
): boolean {
  const expected = new Set(wanted.includes("ALL") ? allOf(objectType, session.version) : wanted);
  const actual = new Set(live);
  return actual.size === expected.size && [...actual].every((privilege) => expected.has(privilege));
}

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return crc >>> 0;
});

function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** The order in which the upstream provider lists a set, which shows in the ids of grants: by the text of the CRC-32. */
export function upstreamOrder(set: readonly string[]): string[] {
  const keyed = new Map([...new Set(set)].map((item) => [String(crc32(item)), item] as const));
  return [...keyed.keys()].sort().map((key) => keyed.get(key) as string);
}
