import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../../cli/errors";
import {
  editStackFile,
  mergeDefaults,
  parseSetting,
  rawConfig,
  readStackFile,
  type StackFile,
  setValue,
  writeStackFile,
} from "../../../cli/stackFile";
import { TempFolders } from "../../support/temp";

type Values = Record<string, unknown>;

const asked = (message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.exitCode, 2);
  if (typeof message === "string") {
    assert.equal(error.message, message);
  } else {
    assert.match(error.message, message);
  }
  return true;
};

describe("defaults carried into a stack's settings", () => {
  const table: [why: string, live: Values, before: Values, now: Values, expected: Values][] = [
    ["a new stack gets them all", {}, {}, { a: 1, b: { c: 2 } }, { a: 1, b: { c: 2 } }],
    ["an untouched value follows", { a: 1 }, { a: 1 }, { a: 2 }, { a: 2 }],
    [
      "an untouched map follows",
      { a: { x: 1, y: [1] } },
      { a: { y: [1], x: 1 } },
      { a: { x: 2 } },
      { a: { x: 2 } },
    ],
    ["a value that somebody set stays", { a: 9 }, { a: 1 }, { a: 2 }, { a: 9 }],
    ["a value that somebody added stays", { z: 9 }, {}, { a: 1 }, { z: 9, a: 1 }],
    ["a default that is gone goes", { a: 1, b: 2 }, { a: 1, b: 2 }, { a: 1 }, { a: 1 }],
    ["a default that is gone stays where somebody changed it", { b: 9 }, { b: 2 }, {}, { b: 9 }],
    ["a new default comes", { a: 1 }, { a: 1 }, { a: 1, b: 2 }, { a: 1, b: 2 }],
    ["a value that was taken out comes back", {}, { a: 1 }, { a: 1 }, { a: 1 }],
    ["what was set to the new default follows from now on", { a: 2 }, { a: 1 }, { a: 2 }, { a: 2 }],
    ["an encrypted value stays", { s: { secure: "v1:x" } }, {}, { a: 1 }, { s: { secure: "v1:x" }, a: 1 }],
  ];
  for (const [why, live, before, now, expected] of table) {
    it(why, () => {
      const merged = mergeDefaults({ config: live }, { config: now }, { config: before });
      assert.deepEqual(merged, { config: expected });
    });
  }

  it("leave what belongs to the stack itself: its salt and its secrets' provider", () => {
    const live: StackFile = { encryptionsalt: "v1:salt", secretsprovider: "passphrase", config: { a: 1 } };
    assert.deepEqual(
      mergeDefaults(live, { encryptionsalt: "other", config: { a: 2 } }, { config: { a: 1 } }),
      {
        encryptionsalt: "v1:salt",
        secretsprovider: "passphrase",
        config: { a: 2 },
      },
    );
  });

  const values = fc.dictionary(
    fc.constantFrom("fitnesscrm:a", "fitnesscrm:b", "fitnesscrm:c", "fitnesscrm:d"),
    fc.oneof(fc.nat(3), fc.record({ x: fc.nat(2) }, { noNullPrototype: true })),
    { noNullPrototype: true },
  );

  it("never lose what somebody set, and always follow where nobody did", () => {
    fc.assert(
      fc.property(values, values, values, (live, before, now) => {
        const merged = mergeDefaults({ config: live }, { config: now }, { config: before }).config ?? {};
        for (const key of new Set([...Object.keys(live), ...Object.keys(before), ...Object.keys(now)])) {
          const touched = key in live && JSON.stringify(live[key]) !== JSON.stringify(before[key]);
          assert.deepEqual(merged[key], touched ? live[key] : now[key]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("change nothing the second time, and nothing of what they were given", () => {
    fc.assert(
      fc.property(values, values, values, (live, before, now) => {
        const given = structuredClone([live, before, now]);
        const once = mergeDefaults({ config: live }, { config: now }, { config: before });
        assert.deepEqual(mergeDefaults(once, { config: now }, { config: now }), once);
        assert.deepEqual([live, before, now], given);
      }),
    );
  });
});

describe("--set", () => {
  const set = (file: StackFile, argument: string): StackFile => {
    const { path, text } = parseSetting(argument);
    return setValue(file, path, text);
  };

  const table: [argument: string, before: Values, after: Values][] = [
    ["http.port=8081", {}, { "fitnesscrm:http": { port: 8081 } }],
    ["fitnesscrm:http.port=8081", {}, { "fitnesscrm:http": { port: 8081 } }],
    [
      "http.port=8081",
      { "fitnesscrm:http": { port: 80, publicUrl: "https://x.example" } },
      { "fitnesscrm:http": { port: 8081, publicUrl: "https://x.example" } },
    ],
    ["timeZone=Europe/Vienna", {}, { "fitnesscrm:timeZone": "Europe/Vienna" }],
    [
      "alarms.thresholds.response-time=250",
      {},
      { "fitnesscrm:alarms": { thresholds: { "response-time": 250 } } },
    ],
    ["app.environment.LOG_JSON=true", {}, { "fitnesscrm:app": { environment: { LOG_JSON: true } } }],
    [
      'app.environment.SENTRY_DSN="https://key@sentry.example.com/1?a=b"',
      {},
      { "fitnesscrm:app": { environment: { SENTRY_DSN: "https://key@sentry.example.com/1?a=b" } } },
    ],
    [
      "contacts.onCall[0].email=eve@example.com",
      { "fitnesscrm:contacts": { onCall: [{ name: "Ada", email: "ada@example.com" }] } },
      { "fitnesscrm:contacts": { onCall: [{ name: "Ada", email: "eve@example.com" }] } },
    ],
    [
      "contacts.onCall[1]={name: Eve, email: eve@example.com}",
      { "fitnesscrm:contacts": { onCall: ["x"] } },
      { "fitnesscrm:contacts": { onCall: ["x", { name: "Eve", email: "eve@example.com" }] } },
    ],
    ["host=null", { "fitnesscrm:host": "ssh://x", "fitnesscrm:a": 1 }, { "fitnesscrm:a": 1 }],
    ["host=", { "fitnesscrm:host": "ssh://x" }, {}],
    ["host=null", { "fitnesscrm:a": 1 }, { "fitnesscrm:a": 1 }],
    ['app.version="null"', {}, { "fitnesscrm:app": { version: "null" } }],
    ["pin={version: 3, commit: null}", {}, { "fitnesscrm:pin": { version: 3, commit: null } }],
    [
      "app.environment.LOG_JSON=null",
      { "fitnesscrm:app": { environment: { LOG_JSON: true, OTHER: "x" }, version: "1" } },
      { "fitnesscrm:app": { environment: { OTHER: "x" }, version: "1" } },
    ],
    ["app.environment.LOG_JSON=null", {}, {}],
    ["app.environment.LOG_JSON=null", { "fitnesscrm:app": null }, { "fitnesscrm:app": null }],
    [
      "contacts.onCall[0]=null",
      { "fitnesscrm:contacts": { onCall: ["x", "y"] } },
      { "fitnesscrm:contacts": { onCall: ["y"] } },
    ],
    [
      "contacts.onCall[7]=null",
      { "fitnesscrm:contacts": { onCall: ["x"] } },
      { "fitnesscrm:contacts": { onCall: ["x"] } },
    ],
  ];
  for (const [argument, before, after] of table) {
    it(`${argument} on ${JSON.stringify(before)}`, () => {
      const file: StackFile = { encryptionsalt: "v1:salt", config: before };
      const given = structuredClone(file);
      assert.deepEqual(set(file, argument), { encryptionsalt: "v1:salt", config: after });
      assert.deepEqual(file, given, "the file that was given is changed");
    });
  }

  for (const argument of [
    "http.port",
    "=80",
    "http..port=80",
    ".port=80",
    "http.=80",
    "http port=80",
    "a[x]=1",
    "",
  ]) {
    it(`${JSON.stringify(argument)} is refused`, () => {
      assert.throws(
        () => set({}, argument),
        asked(`--set ${argument}: must be KEY=VALUE with a key such as http.port`),
      );
    });
  }

  it("removes nothing below what has no parts", () => {
    assert.throws(
      () => set({ config: { "fitnesscrm:timeZone": "UTC" } }, "timeZone.name=null"),
      asked('--set timeZone.name: fitnesscrm:timeZone is "UTC", which has no parts'),
    );
  });

  it("refuses to go through what has no parts", () => {
    assert.throws(
      () => set({ config: { "fitnesscrm:timeZone": "UTC" } }, "timeZone.name=x"),
      asked('--set timeZone.name: fitnesscrm:timeZone is "UTC", which has no parts'),
    );
  });

  it("refuses what is no YAML", () => {
    assert.throws(
      () => set({}, "http.publicUrl={"),
      asked('--set http.publicUrl: "{" is no YAML: put it in quotes'),
    );
  });

  it("refuses secrets, without repeating them: a command line can be read by everybody", () => {
    for (const argument of [
      "secrets.postgresPassword=planted-secret",
      "secrets={appPassword: planted-secret}",
      "fitnesscrm:secrets=planted-secret",
    ]) {
      assert.throws(() => set({}, argument), asked(/^--set secrets: .*pulumi config set --secret/));
      assert.throws(
        () => set({}, argument),
        (error: Error) => !error.message.includes("planted"),
      );
    }
  });

  it("leaves every other value as it was, whatever is set", () => {
    const key = fc.constantFrom("http", "app", "alarms");
    const part = fc.constantFrom("a", "b-c", "D_E");
    const leaf = fc.oneof(fc.nat(9), fc.boolean(), fc.stringMatching(/^[a-z]{1,5}$/));
    fc.assert(
      fc.property(
        key,
        fc.array(part, { maxLength: 2 }),
        leaf,
        fc.dictionary(part, leaf, { noNullPrototype: true }),
        (head, rest, value, other) => {
          const file: StackFile = { config: { "fitnesscrm:other": other } };
          const argument = `${[head, ...rest].join(".")}=${value}`;
          const { config = {} } = set(file, argument);
          assert.deepEqual(config["fitnesscrm:other"], other);
          const found = rest.reduce<unknown>(
            (node, name) => (node as Values)[name],
            config[`fitnesscrm:${head}`],
          );
          assert.equal(found, value);
        },
      ),
    );
  });
});

describe("a stack's settings file", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("is written whole, for its owner only, and read back as it was", () => {
    const path = join(folders.create(), "stacks/unit/Pulumi.unit.yaml");
    const file: StackFile = { encryptionsalt: "v1:x", config: { "fitnesscrm:http": { port: 80 } } };
    writeStackFile(path, file);
    assert.deepEqual(readStackFile(path), file);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
    writeStackFile(path, {});
    assert.deepEqual(readdirSync(join(path, "..")), ["Pulumi.unit.yaml"]);
  });

  it("has texts that look like a time in quotes, which Pulumi would hand on in another form", () => {
    const time = "2026-11-25T23:15:02.123Z";
    const file = join(folders.create({}), "Pulumi.local.yaml");
    writeStackFile(file, {
      config: { "fitnesscrm:app": { environment: { SINCE: time, DAY: "2026-11-25" } } },
    });
    assert.match(readFileSync(file, "utf8"), /SINCE: "2026-11-25T23:15:02\.123Z"\n\s+DAY: "2026-11-25"/);
    editStackFile(file, [parseSetting(`app.environment.UNTIL=${time}`)]);
    assert.match(readFileSync(file, "utf8"), /UNTIL: "2026-11-25T23:15:02\.123Z"/);
  });

  it("that is empty has no settings", () => {
    assert.deepEqual(readStackFile(join(folders.create({ "a.yaml": "# nothing yet\n" }), "a.yaml")), {});
  });

  for (const [what, text] of [
    ["a list", "- a\n"],
    ["text", "hello\n"],
    ["broken", "config: {\n"],
  ] as const) {
    it(`that is ${what} is named, with one line of why`, () => {
      const path = join(folders.create({ "a.yaml": text }), "a.yaml");
      assert.throws(() => readStackFile(path), asked(/^\/.*a\.yaml cannot be read: [^\n]+$/));
    });
  }

  it("that people keep loses neither comments nor order when a value is set", () => {
    const path = join(
      folders.create({
        "Pulumi.prod.yaml": `# Production.
config:
  # The server.
  fitnesscrm:host: ssh://<set me>
  fitnesscrm:http:
    port: 80 # the edge
    publicUrl: <set me>
  fitnesscrm:contacts:
    onCall:
      - name: Ada
        email: <set me>
`,
      }),
      "Pulumi.prod.yaml",
    );
    editStackFile(
      path,
      [
        "host=ssh://root@crm.example.com",
        "http.publicUrl=https://crm.example.com",
        "contacts.onCall[0].email=ada@example.com",
        "aws.region=eu-central-1",
      ].map(parseSetting),
    );
    assert.equal(
      readFileSync(path, "utf8"),
      `# Production.
config:
  # The server.
  fitnesscrm:host: ssh://root@crm.example.com
  fitnesscrm:http:
    port: 80 # the edge
    publicUrl: https://crm.example.com
  fitnesscrm:contacts:
    onCall:
      - name: Ada
        email: ada@example.com
  fitnesscrm:aws:
    region: eu-central-1
`,
    );
  });

  it("that people keep loses only what is removed, and the comment that stands above it", () => {
    const path = join(
      folders.create({
        "Pulumi.prod.yaml": `# Production.
config:
  fitnesscrm:host: ssh://root@crm.example.com # the server
  # Held back until the ticket is closed.
  fitnesscrm:pin:
    version: 3
  # The edge.
  fitnesscrm:http:
    port: 80 # of nginx
    # Changed in May.
    publicUrl: https://crm.example.com
  fitnesscrm:contacts:
    onCall:
      # Days.
      - name: Ada
      # Nights.
      - name: Eve

# The end.
`,
      }),
      "Pulumi.prod.yaml",
    );
    editStackFile(
      path,
      ["pin=null", "http.publicUrl=null", "contacts.onCall[1]=null", "app.version=null", "host.x.y=null"].map(
        parseSetting,
      ),
    );
    assert.equal(
      readFileSync(path, "utf8"),
      `# Production.
config:
  fitnesscrm:host: ssh://root@crm.example.com # the server
  # The edge.
  fitnesscrm:http:
    port: 80 # of nginx
  fitnesscrm:contacts:
    onCall:
      # Days.
      - name: Ada

# The end.
`,
    );
  });

  it("gives the values as the program sees them, and leaves out what is encrypted", () => {
    assert.deepEqual(
      rawConfig({
        config: {
          "fitnesscrm:host": "ssh://x",
          "fitnesscrm:http": { port: 80 },
          "fitnesscrm:list": [1, "a"],
          "fitnesscrm:secrets": { secure: "v1:abc" },
          "aws:region": "us-east-1",
        },
      }),
      {
        "fitnesscrm:host": "ssh://x",
        "fitnesscrm:http": '{"port":80}',
        "fitnesscrm:list": '[1,"a"]',
        "aws:region": "us-east-1",
      },
    );
    assert.deepEqual(rawConfig({}), {});
  });
});
