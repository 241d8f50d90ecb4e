export interface ArchiveArgs {
  bucket: string;
  /** Where the log lies in the bucket, e.g. `wal/`. */
  prefix: string;
  region: string;
  /** URL of an emulator as the containers reach it. It must speak TLS on that port, whatever the URL says. */
  endpoint?: string;
  key: string;
  keySecret: string;
  /** Everything is encrypted with it before it leaves the machine. */
  cipherPass: string;
  /** Days back to which a point in time can be reached. Default {@link REACH_DAYS}. */
  retentionDays?: number;
}

/** Name of the database's log in the bucket. */
export const STANZA = "main";

/** Two of the weekly full backups, so that one that turns out broken is not the only one. */
export const REACH_DAYS = 14;

/** A commit is in S3 this long after it at the latest, plus the time of the upload (M46 allows 24 h). */
const ARCHIVE_TIMEOUT_SECONDS = 60;

/**
 * How much of the log may wait on the server's disk while S3 is away.
 *
 * Beyond it pgBackRest drops what waits: points in time from then to the next backup are lost, and with them what a loss of
 * the machine would cost less than. Without a limit the disk fills up and the database stops, which is worse and
 * takes the application along. The server notes the gap and makes a new backup as soon as S3 is back; the daily dump never
 * depends on any of this. At rest 4 GiB last for 8 hours, as a segment of 16 MiB is closed every two minutes.
 */
const QUEUE_LIMIT = "4GiB";

/**
 * How long one attempt to archive may take. A server that is told to stop tries six times at most, which must fit into the
 * time that it is given before it is killed.
 */
const ATTEMPT_SECONDS = 15;

/**
 * pgBackRest's configuration for the database server and for restores, which move the paths below `[main]` elsewhere.
 * Contains credentials: to be kept as a secret.
 *
 * Old backups go by age and not by number: the first backups of a cluster that replaces a lost one must not push out
 * the last ones of the lost one.
 *
 * @throws Error, naming the argument but not its value, when one cannot stand in such a file.
 */
export function pgbackrestConf(args: ArchiveArgs): string {
  const { bucket, prefix, region, key, keySecret, cipherPass, retentionDays = REACH_DAYS } = args;
  const repository = {
    "repo1-type": "s3",
    "repo1-path": `/${prefix.replace(/^\/+|\/+$/g, "")}`,
    "repo1-s3-bucket": bucket,
    "repo1-s3-region": region,
    ...endpointOptions(args),
    "repo1-s3-key": key,
    "repo1-s3-key-secret": keySecret,
    "repo1-cipher-type": "aes-256-cbc",
    "repo1-cipher-pass": cipherPass,
    // A database has a thousand small files, and S3 a price and a delay for each.
    "repo1-bundle": "y",
    "repo1-retention-full-type": "time",
    "repo1-retention-full": String(retentionDays),
  };
  const behaviour = {
    "compress-type": "zst",
    "compress-level": "3",
    "process-max": "2",
    "start-fast": "y",
    // It tries nine times: with the default of a minute each command would take nine of them to find out that S3 is away.
    "io-timeout": "10",
    "archive-async": "y",
    "archive-push-queue-max": QUEUE_LIMIT,
    "lock-path": "/tmp/pgbackrest/lock",
    "spool-path": "/tmp/pgbackrest/spool",
    "log-level-file": "off",
    "log-level-console": "warn",
    "log-timestamp": "n",
  };
  return [
    section("global", { ...repository, ...behaviour }),
    section("global:archive-push", { "archive-timeout": String(ATTEMPT_SECONDS) }),
    section(STANZA, {
      "pg1-path": "/var/lib/postgresql/data/pgdata",
      "pg1-socket-path": "/run/postgresql",
      "pg1-user": "postgres",
      "pg1-database": "postgres",
    }),
  ].join("\n");
}

/** Settings of the PostgreSQL server that make it archive. Without the secret its image switches `archive_mode` off. */
export function archiveSettings(): Record<string, string> {
  return {
    wal_level: "replica",
    archive_mode: "on",
    // pgBackRest's archive-push, and a note when it dropped something.
    archive_command: "/usr/local/bin/pgbackrest-push.sh %p",
    archive_timeout: `${ARCHIVE_TIMEOUT_SECONDS}s`,
  };
}

function endpointOptions({ endpoint, region }: ArchiveArgs): Record<string, string> {
  if (endpoint === undefined) {
    return { "repo1-s3-endpoint": `s3.${region}.amazonaws.com` };
  }
  const url = new URL(endpoint);
  return {
    "repo1-s3-endpoint": url.hostname,
    "repo1-storage-port": url.port || "443",
    "repo1-s3-uri-style": "path",
    // An emulator makes its own certificate.
    "repo1-storage-verify-tls": "n",
  };
}

/** @throws Error when a value would end its line, or be read differently from what it is. */
function section(name: string, options: Record<string, string>): string {
  const lines = Object.entries(options).map(([option, value]) => {
    if (value === "" || value !== value.trim() || /[\0-\x1f\x7f]/.test(value)) {
      throw new Error(
        `the option ${option} of pgBackRest cannot be written: one line without spaces around it is expected`,
      );
    }
    return `${option}=${value}\n`;
  });
  return `[${name}]\n${lines.join("")}`;
}
