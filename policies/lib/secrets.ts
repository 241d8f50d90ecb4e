/** Ends of a variable's name that say that its value describes a secret rather than being one. */
const DESCRIBES =
  /(_FILE|_FILES|_ENV|_PATH|_DIR|_TTL|_SECONDS|_MINUTES|_DAYS|_EXPIRY|_LENGTH|_METHOD|_ALGORITHM)$/i;

/** True for the name of an environment variable that holds a secret: `SECRET_KEY`, `PGPASSWORD`, `SENTRY_DSN`, … */
export function isSecretName(name: string): boolean {
  if (DESCRIBES.test(name) || /PUBLIC_?KEY$/i.test(name)) {
    return false;
  }
  return (
    /PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL/i.test(name) ||
    /(^|_)(KEY|APIKEY|DSN|PWD)(_|$)/i.test(name) ||
    /(^|_)AUTH$/i.test(name)
  );
}

/** What cannot be anything but a credential. */
const CREDENTIALS: readonly RegExp[] = [
  // user:password@host in a URL; a password that the shell fills in is none yet.
  /[a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*:[^\s/?#@$][^\s/?#@]*@/i,
  // password=… in a libpq connection string or an option.
  /(^|[\s;&?-])(password|passwd|requirepass|pwd)\s*=\s*['"]?[^\s'"$;&]/i,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  // Key of an AWS access key, permanent or temporary.
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
];

/** True when a value holds credentials, whatever its variable is called. */
export function findsCredential(value: string): boolean {
  return CREDENTIALS.some((pattern) => pattern.test(value));
}
