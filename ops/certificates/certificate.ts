/** What a certificate's file holds, what is wrong with it, and whether it is time for another one. No input or output in here. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { CertificateSettings } from "./settings";

const DAY_MS = 86_400_000;

/**
 * A certificate with fewer days left is renewed. More than the alarm's 14 (see `alarmCatalogue.ts`): an authority may be away for two weeks
 * before anybody is told.
 */
export const RENEW_DAYS = 30;

/** Chain and key, as they lie in one file. */
export interface Bundle {
  /** The certificate itself, and who vouches for whom behind it. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly key: KeyObject;
  /** ACME directory that it came from, where the file says so. */
  readonly directory: string | undefined;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/;
/** A line that readers of PEM skip. */
const ORIGIN = /^# from (\S+)$/m;

/** The file's text. */
export function bundleText(directory: string, chain: string, key: string): string {
  return [`# from ${directory}`, chain.trim(), key.trim(), ""].join("\n");
}

/** @throws Error of one line, without any of the text. */
export function parseBundle(text: string): Bundle {
  const [leaf, ...others] = text.match(CERTIFICATES) ?? [];
  const key = KEY.exec(text)?.[0];
  if (leaf === undefined || key === undefined) {
    throw new Error(`it has no ${leaf === undefined ? "certificate" : "private key"}`);
  }
  const parsed = <T>(what: string, parse: () => T): T => {
    try {
      return parse();
    } catch {
      throw new Error(`its ${what} cannot be read`);
    }
  };
  return {
    chain: parsed("certificate", () => [
      new X509Certificate(leaf),
      ...others.map((pem) => new X509Certificate(pem)),
    ]),
    key: parsed("private key", () => createPrivateKey(key)),
    directory: ORIGIN.exec(text)?.[1],
  };
}

/** Whole days until it expires; negative afterwards. */
export function daysLeft({ chain: [leaf] }: Pick<Bundle, "chain">, now: Date): number {
  return Math.floor((Date.parse(leaf.validTo) - now.getTime()) / DAY_MS);
}

/** Why nobody should be served it, in one line; undefined when it is good. */
export function faultOf({ chain, key }: Bundle, names: readonly string[], now: Date): string | undefined {
  const [leaf] = chain;
  if (!leaf.checkPrivateKey(key)) {
    return "its key belongs to another certificate";
  }
  const foreign = names.find((name) => leaf.checkHost(name) === undefined);
  if (foreign !== undefined) {
    return `it is not for ${foreign}`;
  }
  for (const [index, certificate] of chain.entries()) {
    const what = index === 0 ? "it" : `number ${index + 1} of its chain`;
    if (Date.parse(certificate.validTo) <= now.getTime()) {
      return `${what} has expired (${certificate.validTo})`;
    }
    if (Date.parse(certificate.validFrom) > now.getTime()) {
      return `${what} is not valid before ${certificate.validFrom}`;
    }
    const issuer = chain[index + 1];
    if (issuer !== undefined && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))) {
      return `number ${index + 2} of its chain has not signed the one before`;
    }
  }
  return undefined;
}

/**
 * Why another certificate has to be asked for, in one line; undefined while the one that is there is good for long enough.
 *
 * @param text What lies on the volume; undefined where nothing does.
 */
export function renewalReason(
  text: string | undefined,
  { names, directory }: Pick<CertificateSettings, "names" | "directory">,
  now: Date,
): string | undefined {
  if (text === undefined) {
    return "there is none yet";
  }
  let bundle: Bundle;
  try {
    bundle = parseBundle(text);
  } catch (error) {
    return `the one that is there is of no use: ${error instanceof Error ? error.message : String(error)}`;
  }
  const fault = faultOf(bundle, names, now);
  if (fault !== undefined) {
    return `the one that is there is of no use: ${fault}`;
  }
  if (bundle.directory !== directory) {
    return `the one that is there is from ${bundle.directory ?? "somewhere else"}`;
  }
  const left = daysLeft(bundle, now);
  return left < RENEW_DAYS ? `${left} days are left` : undefined;
}
