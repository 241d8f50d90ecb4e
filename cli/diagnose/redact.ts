const HIDDEN = "[hidden]";

/** What looks like a secret wherever it stands; the part in the first group stays. */
const PATTERNS: readonly RegExp[] = [
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+(?=@)/gi,
  /(\bauthorization:?\s*(?:bearer|basic)\s+)[^\s"',]+/gi,
  /(\bbearer\s+)[A-Za-z0-9._~+/=-]{12,}/gi,
  /((?:password|passwd|passphrase|secret|token|api_?key|access_?key|cookie|session|credential)[a-z_]*["']?\s*[=:]\s*)(?:"[^"]*"?|'[^']*'?|[^\s,;}&]+)/gi,
  /()AGE-SECRET-KEY-1[A-Z0-9]+/g,
  /()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /()-----BEGIN [A-Z ]*PRIVATE KEY-----.*/g,
];

/** Shorter ones would hide ordinary words. */
const SHORTEST_SECRET = 8;

/**
 * A line without secrets: neither those that are known, as they are or as URLs have them, nor what looks like one.
 *
 * @param secrets Values that must never be shown.
 */
export function redact(line: string, secrets: readonly string[]): string {
  const known = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one may be a part of another.
  const hidden = [...new Set(known)]
    .sort((a, b) => b.length - a.length)
    .reduce((text, secret) => text.replaceAll(secret, HIDDEN), line);
  return PATTERNS.reduce((text, pattern) => text.replace(pattern, `$1${HIDDEN}`), hidden);
}
