import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import fc from "fast-check";
import { scramVerifier } from "../../../scram";

const password = fc.stringMatching(/^[ -~]{1,40}$/);
const role = fc.stringMatching(/^[a-z_][a-z0-9_]{0,30}$/);

/** What a server does at a login (RFC 5802): proves from the verifier that the client knows the password. */
function opens(verifier: string, clear: string): boolean {
  const [, iterations, salt, stored, server] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ??
    assert.fail(`${verifier} is no verifier`);
  const salted = pbkdf2Sync(clear, Buffer.from(salt ?? "", "base64"), Number(iterations), 32, "sha256");
  const hmac = (text: string): Buffer => createHmac("sha256", salted).update(text).digest();
  return (
    createHash("sha256").update(hmac("Client Key")).digest("base64") === stored &&
    hmac("Server Key").toString("base64") === server
  );
}

describe("SCRAM verifier", () => {
  it("opens for its password and for no other", () => {
    fc.assert(
      fc.property(password, password, role, (right, other, name) => {
        const verifier = scramVerifier(right, name);
        assert.ok(opens(verifier, right));
        assert.equal(opens(verifier, other), other === right);
      }),
      { numRuns: 20 },
    );
  });

  it("is the same each time, so that a preview stays empty, and another for another role or password", () => {
    fc.assert(
      fc.property(password, role, (clear, name) => {
        const verifier = scramVerifier(clear, name);
        assert.equal(scramVerifier(clear, name), verifier);
        assert.notEqual(scramVerifier(clear, `${name}x`), verifier);
        assert.notEqual(scramVerifier(`${clear}x`, name), verifier);
        assert.ok(clear.length < 4 || !verifier.includes(clear));
      }),
      { numRuns: 20 },
    );
  });

  it("agrees with the published example of RFC 7677 once its salt is used", () => {
    // RFC 7677, section 3: user "user", password "pencil". The server's signature of the exchange follows from the keys.
    const salted = pbkdf2Sync(
      "pencil",
      Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
      4096,
      32,
      "sha256",
    );
    const serverKey = createHmac("sha256", salted).update("Server Key").digest();
    const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const exchange = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
    const signature = createHmac("sha256", serverKey).update(exchange).digest("base64");
    assert.equal(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  });
});
