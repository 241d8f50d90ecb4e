import { createHash, createHmac, pbkdf2 as pbkdf2Callback, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const pbkdf2 = promisify(pbkdf2Callback);
const PREFIX = "SCRAM-SHA-256$";
const VERIFIER = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/;
const MD5 = /^md5[0-9a-f]{32}$/;
/** The server's own count (`scram_iterations`), so that a login costs what it costs for any other role. */
const ITERATIONS = 4096;

/** True for what the server stores as it is instead of hashing it: a SCRAM verifier or an MD5 hash. */
export function isHashed(password: string): boolean {
  return VERIFIER.test(password) || MD5.test(password);
}

const MAPPED_TO_NOTHING =
  /\u034F|[\u180B-\u180D]|[\uFE00-\uFE0F]|[\u00AD\u1806\u200B\u200C\u2060\uFEFF]|\u200D/gu;
const SPACES = /[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]/gu;
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\u06DD\u070F\u180E\u2028\u2029\u2061-\u2063\u206A-\u206F\uFFF9-\uFFFD\u200E\u200F\u202A-\u202E\u2FF0-\u2FFB]|\u0340|\u0341/u;

/**
 * SASLprep (RFC 4013) as the server applies it before it hashes: a password that SASLprep forbids is taken as it is.
 * Characters newer than Unicode 3.2 count as allowed here; they have no other normal form, so the result is the same.
 */
export function saslPrep(password: string): string {
  const mapped = password.replace(SPACES, " ").replace(MAPPED_TO_NOTHING, "").normalize("NFKC");
  return mapped === "" || PROHIBITED.test(mapped) ? password : mapped;
}

async function keys(password: string, salt: Buffer, iterations: number) {
  const salted = await pbkdf2(saslPrep(password), salt, iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return {
    stored: createHash("sha256").update(clientKey).digest(),
    server: createHmac("sha256", salted).update("Server Key").digest(),
  };
}

/**
 * What the server would store for a clear password. Sent in its place, so that the clear password never stands in a
 * statement, which a server that logs DDL would keep for ever.
 */
export async function scramVerifier(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const { stored, server } = await keys(password, salt, ITERATIONS);
  return `${PREFIX}${ITERATIONS}:${salt.toString("base64")}$${stored.toString("base64")}:${server.toString("base64")}`;
}

/** Whether a clear password is the one that a role's stored hash was made from. */
export async function matchesStored(password: string, stored: string, role: string): Promise<boolean> {
  if (MD5.test(stored)) {
    const hash = createHash("md5").update(password).update(role).digest("hex");
    return stored === `md5${hash}`;
  }
  const match = VERIFIER.exec(stored);
  if (match === null) {
    return false;
  }
  const [, iterations, salt, storedKey] = match;
  const expected = Buffer.from(storedKey ?? "", "base64");
  const { stored: actual } = await keys(password, Buffer.from(salt ?? "", "base64"), Number(iterations));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
