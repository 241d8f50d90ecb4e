import { createHash } from "node:crypto";

/**
 * A line of the file that nginx checks passwords by. The salt is made from the password, so that the same password gives the same line
 * and a preview shows nothing to do.
 */
export function htpasswd(user: string, password: string): string {
  const salt = createHash("sha256").update(`salt of ${password}`).digest().subarray(0, 8);
  const digest = createHash("sha1").update(password).update(salt).digest();
  return `${user}:{SSHA}${Buffer.concat([digest, salt]).toString("base64")}\n`;
}
