import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { isHashed, matchesStored, saslPrep, scramVerifier } from "../../../plugins/postgresql/scram";

describe("role passwords", () => {
  it("become a verifier that is made as RFC 5802 says", async () => {
    // Salt and keys of the example in RFC 7677, section 3 (user "user", password "pencil", 4096 iterations).
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    assert.equal(
      await scramVerifier("pencil", salt),
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });

  it("match the verifier made from them, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), async (right, wrong) => {
        fc.pre(saslPrep(right) !== saslPrep(wrong));
        const verifier = await scramVerifier(right);
        assert.ok(!verifier.includes(right) || right.length < 4);
        assert.ok(await matchesStored(right, verifier, "app"));
        assert.ok(!(await matchesStored(wrong, verifier, "app")));
      }),
      { numRuns: 20 },
    );
  });

  it("get a new salt each time", async () => {
    assert.notEqual(await scramVerifier("x"), await scramVerifier("x"));
  });

  it("match an MD5 hash of an older server", async () => {
    const stored = `md5${createHash("md5").update("secretapp").digest("hex")}`;
    assert.ok(await matchesStored("secret", stored, "app"));
    assert.ok(!(await matchesStored("secret", stored, "other")));
    assert.ok(!(await matchesStored("secret", "something else", "app")));
  });

  it("that are hashed already are told from clear ones", async () => {
    assert.ok(isHashed(await scramVerifier("x")));
    assert.ok(isHashed(`md5${"0".repeat(32)}`));
    assert.ok(!isHashed("md5isnotmypassword"));
    assert.ok(!isHashed("SCRAM-SHA-256$"));
  });

  it("are prepared as SASLprep says", () => {
    // The examples of RFC 4013, section 3.
    assert.equal(saslPrep("I\u00ADX"), "IX");
    assert.equal(saslPrep("user"), "user");
    assert.equal(saslPrep("USER"), "USER");
    assert.equal(saslPrep("\u00AA"), "a");
    assert.equal(saslPrep("\u2168"), "IX");
    // What SASLprep forbids, PostgreSQL takes as it is.
    assert.equal(saslPrep("a\u0007\u2168"), "a\u0007\u2168");
    assert.equal(saslPrep("a\u00A0b"), "a b");
  });
});
