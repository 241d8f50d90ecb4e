import assert from "node:assert/strict";
import fc from "fast-check";
import { windowOf } from "../../../../maintenanceWindow";
import { noticeMail } from "../../../../ops/window/noticeMail";
import { usersFault, usersOf } from "../../../../ops/window/users";

const PLANTED = `https://crm.example.com/"><img src=x onerror='alert(1)'>`;

describe("the mail that tells of a window", () => {
  const mail = (zone: string, year = 2026, month = 12, publicUrl = "https://crm.example.com/") =>
    noticeMail({ window: windowOf(year, month, zone), zone, publicUrl });

  it("has the same in text and HTML: the times of the stack's zone and of UTC, and where to look", () => {
    const { subject, text, html } = mail("America/New_York");
    assert.equal(
      subject,
      "Planned maintenance: Sunday, December 6, 02:00–04:00 EST (Sunday, December 6, 07:00–09:00 UTC)",
    );
    for (const form of [text, html]) {
      assert.match(form, /Sunday, December 6, 02:00–04:00 EST/);
      assert.match(form, /Sunday, December 6, 07:00–09:00 UTC/);
      assert.match(form, /https:\/\/crm\.example\.com\/status/);
      assert.match(form, /may be slow or away/);
    }
    assert.match(html, /<meta name="color-scheme" content="light dark">/);
  });

  const times: [zone: string, year: number, month: number, local: string, utc: string][] = [
    [
      "Asia/Tokyo",
      2026,
      12,
      "Sunday, December 6, 02:00–04:00 GMT+9",
      "Saturday, December 5, 17:00–19:00 UTC",
    ],
    // Clocks are set back within the window, which lasts three hours.
    [
      "Australia/Sydney",
      2027,
      4,
      "Sunday, April 4, 02:00 GMT+11–04:00 GMT+10",
      "Saturday, April 3, 15:00–18:00 UTC",
    ],
    [
      "Pacific/Guadalcanal",
      2026,
      12,
      "Sunday, December 6, 02:00–04:00 GMT+11",
      "Saturday, December 5, 15:00–17:00 UTC",
    ],
    [
      "Etc/GMT-3",
      2026,
      12,
      "Sunday, December 6, 02:00–04:00 GMT+3",
      "Saturday, December 5, 23:00–Sunday, December 6, 01:00 UTC",
    ],
  ];
  for (const [zone, year, month, local, utc] of times) {
    it(`says when it is in ${zone}`, () => {
      const { subject } = mail(zone, year, month);
      assert.equal(subject, `Planned maintenance: ${local} (${utc})`);
    });
  }

  it("shows planted HTML as text", () => {
    const { html } = mail("America/New_York", 2026, 12, PLANTED);
    assert.ok(!html.includes("<img"), html);
    assert.ok(html.includes("&lt;img src=x onerror=&#39;alert(1)&#39;&gt;"), html);
  });

  it("lets no text begin an element or leave an attribute", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const tags = (markup: string): number => markup.split(/[<>"]/).length;
        const plain = mail("America/New_York", 2026, 12, "x").html;
        assert.equal(tags(mail("America/New_York", 2026, 12, text).html), tags(plain));
      }),
    );
  });
});

describe("the users of the application", () => {
  it("are told apart by address, and what is none gets no mail", () => {
    assert.deepEqual(
      usersOf([
        "ben@example.com",
        "ada@example.com",
        "ada@example.com",
        "o'neil+gym@mail.example.co.uk",
        null,
        "",
        "nobody",
        "a@b",
        "<img/src=x>@example.com",
        "eve@example.com, mallory@example.com",
        "eve@example.com\r\nbcc: mallory@example.com",
        "\u00fcber@example.com",
        `${"x".repeat(65)}@example.com`,
        `x@${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}.com`,
      ]),
      { addresses: ["ada@example.com", "ben@example.com", "o'neil+gym@mail.example.co.uk"], unusable: 10 },
    );
  });

  it("have no address with anything in it that a mail server takes for more than one", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.emailAddress().map((text) => text.toLowerCase()),
          ),
        ),
        (emails) => {
          for (const address of usersOf(emails).addresses) {
            assert.match(address, /^[\x21-\x7e]+$/);
            assert.doesNotMatch(address, /[<>,;:"()[\]\\]/);
            assert.equal(address.split("@").length, 2);
          }
        },
      ),
    );
  });

  const faults: [what: string, error: object, says: RegExp][] = [
    [
      "no table",
      Object.assign(new Error('relation "users" does not exist'), { code: "42P01" }),
      /^users cannot be told by mail, a table "users" with a column "email" is needed: relation "users" does not exist; without one set fitnesscrm:maintenance\.noticeMail to false$/,
    ],
    [
      "no column",
      Object.assign(new Error("column u.email does not exist"), { code: "42703" }),
      /"email" is needed: column u\.email does not exist;/,
    ],
    [
      "no right",
      Object.assign(new Error("permission denied for table users"), { code: "42501" }),
      /is needed: permission denied for table users;/,
    ],
    [
      "no answer",
      new Error("connect\nECONNREFUSED"),
      /^users cannot be told by mail, the database does not say who they are: connect ECONNREFUSED$/,
    ],
  ];
  for (const [what, error, says] of faults) {
    it(`are a fault of one line where there is ${what}`, () => assert.match(usersFault(error), says));
  }
});
