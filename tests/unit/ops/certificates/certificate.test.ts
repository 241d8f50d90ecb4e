import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bundleText,
  daysLeft,
  faultOf,
  parseBundle,
  RENEW_DAYS,
  renewalReason,
} from "../../../../ops/certificates/certificate";
import { AUTHORITY, KEY, LEAF, OTHER_KEY, OTHER_NAME, STRANGER } from "./fixtures";

const DIRECTORY = "https://acme.example.com/directory";
const NAMES = ["crm.example.com"];
const at = (date: string): Date => new Date(`${date}T00:00:00Z`);
const good = bundleText(DIRECTORY, LEAF + AUTHORITY, KEY);

describe("a certificate's file", () => {
  it("holds the chain, the key, and where they came from", () => {
    const { chain, key, directory } = parseBundle(good);
    assert.deepEqual(
      chain.map(({ subject }) => subject),
      ["CN=crm.example.com", "CN=Test int"],
    );
    assert.equal(chain[0].checkPrivateKey(key), true);
    assert.equal(directory, DIRECTORY);
  });

  it("may be of somebody who does not say where it came from", () => {
    assert.equal(parseBundle(LEAF + KEY).directory, undefined);
  });

  const broken: [what: string, text: string, message: string][] = [
    ["nothing", "", "it has no certificate"],
    ["a key only", KEY, "it has no certificate"],
    ["a certificate only", LEAF + AUTHORITY, "it has no private key"],
    ["half a certificate", LEAF.slice(0, 200) + KEY, "it has no certificate"],
    ["a certificate of rubbish", LEAF.replace(/MII/, "QUJ") + KEY, "its certificate cannot be read"],
    ["a key of rubbish", LEAF + KEY.replace(/MIG/, "QUJ"), "its private key cannot be read"],
  ];
  for (const [what, text, message] of broken) {
    it(`is refused with ${what}, in one line that quotes nothing of it`, () => {
      assert.throws(() => parseBundle(text), { message });
    });
  }

  it("is never read half: whatever is cut off, it is whole or refused", () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), (length) => {
        const text = good.slice(0, length).trimEnd();
        if (text !== good.trimEnd()) {
          assert.throws(() => parseBundle(text), /^Error: its? /);
        }
      }),
    );
  });
});

describe("a certificate is served", () => {
  const faults: [what: string, text: string, date: string, fault: string | undefined][] = [
    ["when it is good", good, "2026-11-01", undefined],
    ["without its authority beside it", LEAF + KEY, "2026-11-01", undefined],
    [
      "not with another one's key",
      LEAF + AUTHORITY + OTHER_KEY,
      "2026-11-01",
      "its key belongs to another certificate",
    ],
    ["not for another name", OTHER_NAME + AUTHORITY + KEY, "2026-11-01", "it is not for crm.example.com"],
    ["not before its time", good, "2026-09-30", "it is not valid before Oct  1 00:00:00 2026 GMT"],
    [
      "not from the moment on at which it expires",
      good,
      "2026-12-30",
      "it has expired (Dec 30 00:00:00 2026 GMT)",
    ],
    [
      "not with somebody in its chain who has not signed it",
      LEAF + STRANGER + KEY,
      "2026-11-01",
      "number 2 of its chain has not signed the one before",
    ],
    [
      "not with a chain in the wrong order behind it",
      LEAF + AUTHORITY + LEAF + KEY,
      "2026-11-01",
      "number 3 of its chain has not signed the one before",
    ],
  ];
  for (const [what, text, date, fault] of faults) {
    it(what, () => assert.equal(faultOf(parseBundle(text), NAMES, at(date)), fault));
  }
});

describe("another certificate is asked for", () => {
  const reason = (text: string | undefined, date: string, directory = DIRECTORY): string | undefined =>
    renewalReason(text, { names: NAMES, directory }, at(date));

  const cases: [what: string, text: string | undefined, date: string, reason: string | undefined][] = [
    ["where there is none", undefined, "2026-11-01", "there is none yet"],
    [
      "where the file is empty",
      "",
      "2026-11-01",
      "the one that is there is of no use: it has no certificate",
    ],
    [
      "where it is of another name",
      OTHER_NAME + KEY,
      "2026-11-01",
      "the one that is there is of no use: it is not for crm.example.com",
    ],
    ["not with thirty days left", good, "2026-11-30", undefined],
    ["with fewer", good, "2026-12-01", "29 days are left"],
    [
      "where it has expired",
      good,
      "2027-01-05",
      "the one that is there is of no use: it has expired (Dec 30 00:00:00 2026 GMT)",
    ],
    [
      "where nobody says where it came from",
      LEAF + AUTHORITY + KEY,
      "2026-11-01",
      "the one that is there is from somewhere else",
    ],
  ];
  for (const [what, text, date, expected] of cases) {
    it(what, () => assert.equal(reason(text, date), expected));
  }

  it("where another authority is to be asked from now on", () => {
    assert.equal(
      reason(good, "2026-11-01", "https://other.example.com/directory"),
      `the one that is there is from ${DIRECTORY}`,
    );
  });

  it("from thirty days before its end on, and not a moment earlier", () => {
    const end = at("2026-12-30").getTime();
    const bundle = parseBundle(good);
    fc.assert(
      fc.property(fc.date({ min: at("2026-10-02"), max: at("2026-12-29"), noInvalidDate: true }), (now) => {
        const isEarly = end - now.getTime() >= RENEW_DAYS * 86_400_000;
        assert.equal(renewalReason(good, { names: NAMES, directory: DIRECTORY }, now) === undefined, isEarly);
        assert.equal(daysLeft(bundle, now) >= RENEW_DAYS, isEarly);
      }),
    );
  });
});
