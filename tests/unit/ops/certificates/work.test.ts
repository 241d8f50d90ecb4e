import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleText } from "../../../../ops/certificates/certificate";
import { type CertificateParts, certificateWanted, certificateWork } from "../../../../ops/certificates/work";
import { TempFolders } from "../../../support/temp";
import { AUTHORITY, KEY, LEAF, OTHER_KEY, OTHER_NAME } from "./fixtures";

const DIRECTORY = "https://acme.example.com/directory";
const settings = { names: ["crm.example.com"], email: "ops@example.com", directory: DIRECTORY };
const GOOD = bundleText(DIRECTORY, LEAF + AUTHORITY, KEY);

const folders = new TempFolders();
after(() => folders.remove());
const inTemporaryFolder = <T>(use: (folder: string) => Promise<T>): Promise<T> => use(folders.create());

describe("the task certificates", () => {
  /** Runs it in a folder with `there` as the certificate, where the authority gives `given`. */
  async function attempt(
    folder: string,
    { there, date = "2026-11-01", ...more }: { there?: string; date?: string } & Partial<CertificateParts>,
  ) {
    if (there !== undefined) {
      await writeFile(join(folder, "edge.pem"), there);
    }
    const did: string[] = [];
    const parts: CertificateParts = {
      settings,
      folder,
      readers: undefined,
      now: () => new Date(`${date}T00:00:00Z`),
      ask: async (_, { account, webroot }) => {
        did.push(`asked with ${account.slice(folder.length)} and ${webroot.slice(folder.length)}`);
        return GOOD;
      },
      challengesServed: async (webroot) => {
        did.push("challenges are served");
        assert.deepEqual(await readdir(webroot), []);
      },
      served: async (name) => void did.push(`${name} is served`),
      ...more,
    };
    const log = (line: string): void => void did.push(line);
    const ended = await certificateWork(parts)({ signal: new AbortController().signal, log }).catch(
      (error: Error) => error,
    );
    return { did, ended, parts };
  }
  const fileIn = (folder: string): Promise<string> => readFile(join(folder, "edge.pem"), "utf8");

  it("gets the first certificate, once the edge serves challenges, and waits until it is served", () =>
    inTemporaryFolder(async (folder) => {
      const { did, ended, parts } = await attempt(folder, {});
      assert.deepEqual(did, [
        "asking acme.example.com for a certificate of crm.example.com: there is none yet",
        "challenges are served",
        "asked with /acme and /challenges",
        "crm.example.com is served",
      ]);
      assert.deepEqual(ended, {
        reason: "the certificate of crm.example.com is new and good for 59 days",
        details: { names: ["crm.example.com"], until: "2026-12-30T00:00:00.000Z", days: 59 },
      });
      assert.equal(await fileIn(folder), GOOD);
      assert.equal((await stat(join(folder, "edge.pem"))).mode & 0o777, 0o640);
      assert.deepEqual((await readdir(folder)).sort(), ["challenges", "edge.pem"]);
      assert.equal(await certificateWanted(parts), undefined);
    }));

  it("asks nobody while there is time, and looks whether it is served", () =>
    inTemporaryFolder(async (folder) => {
      const { did, ended } = await attempt(folder, { there: GOOD });
      assert.deepEqual(did, ["crm.example.com is served"]);
      assert.match(JSON.stringify(ended), /is good for 59 days/);
    }));

  it("writes over what a killed run has left", () =>
    inTemporaryFolder(async (folder) => {
      await mkdir(join(folder, "challenges"));
      await writeFile(join(folder, "edge.pem.new"), "half");
      await chmod(join(folder, "edge.pem.new"), 0o400);
      assert.match(JSON.stringify((await attempt(folder, {})).ended), /new and good/);
      assert.deepEqual((await readdir(folder)).sort(), ["challenges", "edge.pem"]);
    }));

  const refused: [what: string, given: string, reason: RegExp][] = [
    [
      "of another name",
      bundleText(DIRECTORY, OTHER_NAME + AUTHORITY, KEY),
      /it is not for crm\.example\.com$/,
    ],
    [
      "with another key",
      bundleText(DIRECTORY, LEAF + AUTHORITY, OTHER_KEY),
      /its key belongs to another certificate$/,
    ],
    ["that is none", "rubbish", /it has no certificate$/],
  ];
  for (const [what, given, reason] of refused) {
    it(`keeps the old one where it is given one ${what}`, () =>
      inTemporaryFolder(async (folder) => {
        const { did, ended } = await attempt(folder, {
          there: GOOD,
          date: "2026-12-20",
          ask: async () => given,
        });
        assert.match(String(ended), /^Error: the new certificate is not taken, the old one stays: /);
        assert.match(String(ended), reason);
        assert.equal(did.at(-1), "challenges are served");
        assert.equal(await fileIn(folder), GOOD);
      }));
  }

  it("keeps the old one while the authority gives none, and says why", () =>
    inTemporaryFolder(async (folder) => {
      const { ended } = await attempt(folder, {
        there: GOOD,
        date: "2026-12-20",
        ask: async () => {
          throw new Error("acme.example.com gave no certificate: connection refused");
        },
      });
      assert.equal(String(ended), "Error: acme.example.com gave no certificate: connection refused");
      assert.equal(await fileIn(folder), GOOD);
    }));

  it("asks no authority in vain while the edge does not serve challenges", () =>
    inTemporaryFolder(async (folder) => {
      const { did, ended } = await attempt(folder, {
        challengesServed: async () => {
          throw new Error("the edge does not serve challenges at nginx:80: it answered 404");
        },
      });
      assert.equal(String(ended), "Error: the edge does not serve challenges at nginx:80: it answered 404");
      assert.equal(did.length, 1);
    }));

  it("fails where the edge goes on with another one", () =>
    inTemporaryFolder(async (folder) => {
      const { ended } = await attempt(folder, {
        there: GOOD,
        served: async (_, fingerprint) => {
          throw new Error(`serves another one than ${fingerprint.slice(0, 2)}`);
        },
      });
      assert.match(String(ended), /^Error: serves another one than [0-9A-F]{2}$/);
    }));
});
