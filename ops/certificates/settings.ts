import { z } from "zod";
import { readSettingsFile } from "../settingsFile";

const schema = z.strictObject({
  /** Host names that the certificate is for; the first one names lego's files. */
  names: z.array(z.string().regex(/^[a-z0-9.-]+$/)).min(1),
  /** Of the account at the authority. */
  email: z.email(),
  /** URL of the authority's ACME directory. */
  directory: z.url({ protocol: /^https$/ }),
  /** PEM of what the directory's own certificate is checked with, where that is not what everybody trusts. */
  trust: z.string().optional(),
});

/** What ops is told of certificates: `/fitnesscrm/certificates.json`. There on stacks with `http.tls` only. */
export type CertificateSettings = z.infer<typeof schema>;

/** @throws Error of one line when the file is missing or not valid. */
export function readCertificateSettings(path: string): Promise<CertificateSettings> {
  return readSettingsFile("settings of certificates", path, schema);
}
