import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { htpasswd } from "../../../../components/stack/htpasswd";

const password = fc.stringMatching(/^[\x21-\x7e]{16,40}$/);

describe("the line that nginx checks a password by", () => {
  it("is a salted SHA-1 of the password, in one line whatever the password holds", () => {
    fc.assert(
      fc.property(password, (text) => {
        const [, encoded = ""] =
          /^operator:\{SSHA\}([A-Za-z0-9+/=]+)\n$/.exec(htpasswd("operator", text)) ?? [];
        const bytes = Buffer.from(encoded, "base64");
        assert.equal(bytes.length, 28);
        const digest = createHash("sha1").update(text).update(bytes.subarray(20)).digest();
        assert.deepEqual(bytes.subarray(0, 20), digest);
      }),
    );
  });

  it("is the same for the same password, so that a preview is empty, and another for another", () => {
    fc.assert(
      fc.property(password, password, (one, other) => {
        assert.equal(htpasswd("operator", one), htpasswd("operator", one));
        assert.equal(htpasswd("operator", one) === htpasswd("operator", other), one === other);
      }),
    );
  });
});
