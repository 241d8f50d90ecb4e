import assert from "node:assert/strict";
import { generateIdentity, IDENTITY_PATTERN, RECIPIENT_PATTERN, recipientOf } from "../../../ageKey";

describe("keys of age", () => {
  it("are pairs as age itself writes them", () => {
    // The pair that age itself is tested with.
    assert.equal(
      recipientOf("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"),
      "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    );
  });

  it("are another each time, and have the forms that configuration asks for", () => {
    const identities = Array.from({ length: 20 }, generateIdentity);
    assert.equal(new Set(identities).size, 20);
    for (const identity of identities) {
      assert.match(identity, IDENTITY_PATTERN);
      assert.match(recipientOf(identity), RECIPIENT_PATTERN);
    }
  });

  it("that are wrong are refused without being shown", () => {
    for (const wrong of [
      "",
      "AGE-SECRET-KEY-1",
      generateIdentity().slice(0, -1),
      generateIdentity().toLowerCase(),
    ]) {
      assert.throws(() => recipientOf(wrong), { message: /^not an age identity: AGE-SECRET-KEY-1 and 58 / });
    }
    const identity = generateIdentity();
    const last = identity.endsWith("Q") ? "P" : "Q";
    const broken = `${identity.slice(0, -1)}${last}`;
    assert.throws(
      () => recipientOf(broken),
      (error: Error) => !error.message.includes(broken.slice(20)),
    );
  });
});
