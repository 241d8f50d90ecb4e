import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** The server's own count (`scram_iterations`), so that a login costs what it costs for any other role. */
const ITERATIONS = 4096;

/**
 * What PostgreSQL stores for a password: a SCRAM-SHA-256 verifier (RFC 5803), from which nobody can log in.
 *
 * Roles are declared with it rather than with the password, because the server logs DDL (M51) and would keep the password of
 * every `CREATE ROLE` for ever. The salt is derived, so that one password gives one verifier and a preview stays empty.
 *
 * @param password Printable ASCII, which SASLprep leaves as it is.
 * @param role Name of the role: two roles with one password have two verifiers.
 */
export function scramVerifier(password: string, role: string): string {
  const salt = createHmac("sha256", password).update(`salt of ${role}`).digest().subarray(0, 16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
