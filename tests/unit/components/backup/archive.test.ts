import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type ArchiveArgs,
  archiveSettings,
  pgbackrestConf,
  REACH_DAYS,
} from "../../../../components/backup/archive";

const ARGS: ArchiveArgs = {
  bucket: "backups",
  prefix: "wal/",
  region: "eu-central-1",
  key: "AKIA",
  keySecret: "a+b/c=",
  cipherPass: "a-long-passphrase",
};

/** The file as pgBackRest reads it: option by section. */
function parsed(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  let current: Record<string, string> = {};
  for (const line of text.split("\n").filter(Boolean)) {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      current = {};
      sections[name] = current;
    } else {
      const equals = line.indexOf("=");
      current[line.slice(0, equals)] = line.slice(equals + 1);
    }
  }
  return sections;
}

describe("pgbackrestConf", () => {
  const global = (args: Partial<ArchiveArgs> = {}) =>
    parsed(pgbackrestConf({ ...ARGS, ...args })).global ?? {};

  it("goes to Amazon's S3 over TLS that is verified", () => {
    const options = global();
    assert.equal(options["repo1-type"], "s3");
    assert.equal(options["repo1-s3-endpoint"], "s3.eu-central-1.amazonaws.com");
    for (const option of ["repo1-storage-verify-tls", "repo1-storage-port", "repo1-s3-uri-style"]) {
      assert.equal(options[option], undefined, option);
    }
  });

  it("goes to an emulator by its address, with the bucket in the path and its own certificate", () => {
    const options = global({ endpoint: "http://172.17.0.1:4566" });
    assert.equal(options["repo1-s3-endpoint"], "172.17.0.1");
    assert.equal(options["repo1-storage-port"], "4566");
    assert.equal(options["repo1-s3-uri-style"], "path");
    assert.equal(options["repo1-storage-verify-tls"], "n");
  });

  it("encrypts all that leaves the machine", () => {
    assert.equal(global()["repo1-cipher-type"], "aes-256-cbc");
    assert.equal(global()["repo1-cipher-pass"], ARGS.cipherPass);
  });

  for (const prefix of ["wal/", "wal", "/wal/"]) {
    it(`takes the prefix ${prefix} for the folder /wal, which is how pgBackRest wants it`, () => {
      assert.equal(global({ prefix })["repo1-path"], "/wal");
    });
  }

  it("lets backups go by age, so that those of a new cluster push out none of a lost one", () => {
    assert.equal(global()["repo1-retention-full-type"], "time");
    assert.equal(global()["repo1-retention-full"], String(REACH_DAYS));
    assert.equal(global({ retentionDays: 30 })["repo1-retention-full"], "30");
  });

  it("writes only where a container with a read-only root may", () => {
    const options = global();
    assert.match(options["lock-path"] ?? "", /^\/tmp\//);
    assert.match(options["spool-path"] ?? "", /^\/tmp\//);
    assert.equal(options["log-level-file"], "off");
  });

  it("leaves the end of a stopping server room for six attempts before it is killed", () => {
    const push = parsed(pgbackrestConf(ARGS))["global:archive-push"] ?? {};
    assert(6 * Number(push["archive-timeout"]) < 120);
  });

  it("keeps every value that fits on a line as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", minLength: 1 }), (text) => {
        fc.pre(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text));
        assert.equal(global({ keySecret: text })["repo1-s3-key-secret"], text);
      }),
    );
  });

  for (const [what, value] of [
    ["two lines", "secret\nrepo1-path=/"],
    ["a space at its end", "secret "],
    ["nothing in it", ""],
  ] as const) {
    it(`refuses a secret with ${what}, without showing it`, () => {
      assert.throws(
        () => pgbackrestConf({ ...ARGS, keySecret: value }),
        (error: Error) =>
          /^the option repo1-s3-key-secret of pgBackRest cannot be written: [^\n]+$/.test(error.message) &&
          !error.message.includes("secret\n") &&
          (value === "" || !error.message.includes("repo1-path=/")),
      );
    });
  }
});

describe("archiveSettings", () => {
  it("closes a piece of the log each minute and hands it to a command with pgBackRest's name in it", () => {
    const settings = archiveSettings();
    assert.equal(settings.archive_mode, "on");
    assert.equal(settings.archive_timeout, "60s");
    // pgBackRest's check fails without it.
    assert.match(settings.archive_command ?? "", /pgbackrest.* %p$/);
  });
});
