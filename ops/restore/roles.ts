/** Roles that a dump speaks of: a server that has never seen them refuses to give them anything. */

const NAME = String.raw`"(?:[^"]|"")+"|[a-z_][\w$]*`;
/** Where a statement of a dump's schema names roles. */
const PLACES = new RegExp(
  String.raw`(?:OWNER TO|FOR ROLE|USER MAPPING FOR|\bTO|\bFROM|SET ROLE)\s+((?:${NAME})(?:\s*,\s*(?:${NAME}))*)`,
  "g",
);
const NOT_A_ROLE: readonly string[] = ["public", "current_user", "session_user", "current_role"];

/** @param schema SQL as `pg_restore --schema-only` writes it. */
export function rolesIn(schema: string): string[] {
  const roles = new Set<string>();
  for (const line of schema.split("\n")) {
    if (!/^(ALTER|GRANT|REVOKE|CREATE (POLICY|USER MAPPING))\b/.test(line)) continue;
    for (const [, list = ""] of line.matchAll(PLACES)) {
      for (const [name] of list.matchAll(new RegExp(NAME, "g"))) {
        const role = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
        if (!NOT_A_ROLE.includes(role) && !role.startsWith("pg_")) roles.add(role);
      }
    }
  }
  return [...roles].sort();
}
