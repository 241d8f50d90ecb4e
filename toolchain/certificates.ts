import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where Debian and Ubuntu keep the bundle that their programs trust. */
export const BUNDLE = "etc/ssl/certs/ca-certificates.crt";

/** The certificates of a PEM file, each normalized. */
export function certificatesIn(pem: string): string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return found.map((block) => {
    const body = block.replace(/-----[A-Z ]+-----/g, "").replace(/\s+/g, "");
    const lines = body.match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  });
}

/** A certificate that the machine trusts beyond what its distribution ships. */
export interface ExtraCertificate {
  /** Ends in `.crt`, follows from the content. */
  readonly name: string;
  readonly pem: string;
}

/**
 * The certificates in the machine's bundle that its distribution does not ship. Containers need them wherever the
 * network is read by somebody in between, such as a company's proxy.
 */
export async function extraCertificates(root: string): Promise<ExtraCertificate[]> {
  const bundle = certificatesIn(await readFile(join(root, BUNDLE), "utf8").catch(() => ""));
  const shippedFolder = join(root, "usr/share/ca-certificates");
  const entries = await readdir(shippedFolder, { withFileTypes: true, recursive: true }).catch(() => []);
  const shipped = new Set<string>();
  for (const entry of entries) {
    if (!entry.name.endsWith(".crt")) continue;
    const text = await readFile(join(entry.parentPath ?? entry.path, entry.name), "utf8");
    for (const certificate of certificatesIn(text)) shipped.add(certificate);
  }
  // A bundle without the files it was made of says nothing about where its certificates come from.
  if (shipped.size === 0) return [];
  return [...new Set(bundle)]
    .filter((certificate) => !shipped.has(certificate))
    .map((pem) => ({ name: `host-${createHash("sha256").update(pem).digest("hex").slice(0, 16)}.crt`, pem }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
