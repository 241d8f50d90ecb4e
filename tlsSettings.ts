/** Configuration of TLS at the edge, below `fitnesscrm:http.tls`. */
import { X509Certificate } from "node:crypto";
import { z } from "zod";

/** Let's Encrypt's, for real certificates. */
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

const NO_CERTIFICATES =
  "must be one or more certificates as PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, and nothing else";

export const tls = z.strictObject({
  /** Of the account at the authority. */
  email: z.email({ error: "must be an email address such as oncall@example.com" }),
  /** URL of the authority's ACME directory; that of its test environment on a stack without users. */
  directory: z
    .string()
    .regex(/^https:\/\/[^\s/]+\/\S*$/, `must be the https URL of an ACME directory such as ${LETS_ENCRYPT}`)
    .default(LETS_ENCRYPT),
  /** Certificates, as PEM, by which the directory's own is checked: those of a house with an authority of its own. Without them, the public ones. */
  trust: z
    .string()
    .transform((text, context) => {
      const certificates = certificatesIn(text);
      if (certificates === undefined) {
        context.addIssue({ code: "custom", input: text, message: NO_CERTIFICATES });
        return z.NEVER;
      }
      return certificates;
    })
    .optional(),
});

/** In the form in which programs read it, whatever became of its lines; undefined where anything else stands among them. */
function certificatesIn(text: string): string | undefined {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const rest = found.reduce((left, one) => left.replace(one, ""), text);
  try {
    return found.length === 0 || rest.trim() !== ""
      ? undefined
      : found.map((one) => new X509Certificate(derOf(one)).toString()).join("");
  } catch {
    return undefined;
  }
}

/** A YAML value that is not a block has blanks where its lines ended. */
function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ""), "base64");
}

/** What of `fitnesscrm:http` has to fit together where TLS ends at the edge. */
export interface TlsTogether {
  readonly tls?: z.output<typeof tls> | undefined;
  readonly port: number;
  readonly httpsPort: number;
  readonly publicUrl?: string | undefined;
}

export interface TlsFault {
  readonly key: "publicUrl" | "httpsPort";
  readonly message: string;
}

/** What is wrong with the whole; an authority that answers to names would find out one failed deployment later. */
export function tlsFaults({ tls: settings, port, httpsPort, publicUrl }: TlsTogether): TlsFault[] {
  if (settings === undefined) {
    return [];
  }
  const nameFault = publicNameFault(publicUrl);
  return [
    ...(nameFault === undefined ? [] : [{ key: "publicUrl" as const, message: nameFault }]),
    ...(port === httpsPort
      ? [
          {
            key: "httpsPort" as const,
            message: "must be another port than http.port, where plain HTTP arrives",
          },
        ]
      : []),
  ];
}

function publicNameFault(publicUrl: string | undefined): string | undefined {
  const url = publicUrl !== undefined && URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  if (url?.protocol !== "https:") {
    return "must be an https URL such as https://crm.example.com where http.tls is set";
  }
  // An address ends with a digit or a bracket, and what has no dot is known to this machine alone.
  return /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(url.hostname) &&
    !url.hostname.endsWith(".localhost")
    ? undefined
    : "must have a full name such as crm.example.com where http.tls is set: the authority comes there to look";
}
