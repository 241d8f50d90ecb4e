/**
 * Key pairs of age, which encrypts the backups: the launcher makes the private one, the program derives the public one from
 * it. Without Pulumi.
 */
import { createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { bech32 } from "@scure/base";

/** What PKCS #8 and SPKI put before the 32 bytes of an X25519 key. */
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const KEY_BYTES = 32;

/** How a private key looks, e.g. for configuration. */
export const IDENTITY_PATTERN = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/;
/** How a public key looks. */
export const RECIPIENT_PATTERN = /^age1[02-9ac-hj-np-z]{58}$/;

/** A new private key: `AGE-SECRET-KEY-1…`. */
export function generateIdentity(): string {
  return bech32.encodeFromBytes("age-secret-key-", randomBytes(KEY_BYTES)).toUpperCase();
}

/**
 * The public key, `age1…`, that belongs to a private one.
 *
 * @throws Error, without the key in it, when this is none.
 */
export function recipientOf(identity: string): string {
  if (!IDENTITY_PATTERN.test(identity)) {
    throw new Error("not an age identity: AGE-SECRET-KEY-1 and 58 characters are expected");
  }
  const { bytes } = bech32.decodeToBytes(identity.toLowerCase());
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return bech32.encodeFromBytes("age", spki.subarray(spki.length - KEY_BYTES));
}
