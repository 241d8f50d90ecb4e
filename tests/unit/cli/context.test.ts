import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  fitnesscrmHome,
  PROJECT_FOLDER,
  parseSettings,
  planSettings,
  readSettings,
  type StackContext,
  stackContext,
  updateSettings,
} from "../../../cli/context";
import { UserError } from "../../../cli/errors";
import { openSession } from "../../../cli/session";
import { readStackFile, setValue, writeStackFile } from "../../../cli/stackFile";
import { TempFolders, withEnvironment } from "../../support/temp";

const NAME_RULE = "must be lower-case letters, digits and dashes, 20 at most, and start with a letter";

describe("the launcher's home", () => {
  it("is where FITNESSCRM_HOME says, else in the user's data folder", async () => {
    const at = (environment: Record<string, string | undefined>) =>
      withEnvironment(environment, fitnesscrmHome);
    assert.equal(await at({ FITNESSCRM_HOME: "/srv/crm", XDG_DATA_HOME: "/data" }), "/srv/crm");
    assert.equal(await at({ FITNESSCRM_HOME: undefined, XDG_DATA_HOME: "/data" }), "/data/fitnesscrm");
    assert.equal(
      await at({ FITNESSCRM_HOME: "", XDG_DATA_HOME: undefined, HOME: "/home/ada" }),
      "/home/ada/.local/share/fitnesscrm",
    );
  });
});

describe("a stack", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  const inHome = <T>(home: string, body: () => T): Promise<T> =>
    withEnvironment({ FITNESSCRM_HOME: home }, body);

  for (const name of [
    "",
    "Local",
    "9lives",
    "-x",
    "a b",
    "../etc",
    "a/b",
    "a.b",
    "a_b",
    "n".repeat(21),
    "lo\ncal",
  ]) {
    it(`is not called ${JSON.stringify(name)}`, () => {
      assert.throws(
        () => stackContext(name),
        (error: unknown) => {
          assert.ok(error instanceof UserError);
          assert.equal(error.message, `stack ${JSON.stringify(name)} is not a name: ${NAME_RULE}`);
          assert.equal(error.exitCode, 2);
          return true;
        },
      );
    });
  }

  it("lives in the home, outside the checkout, unless the project tracks its settings", async () => {
    const home = folders.create();
    for (const name of ["local", "e2e-1", "n".repeat(20)]) {
      assert.deepEqual(await inHome(home, () => stackContext(name)), {
        stack: name,
        home,
        kind: "local",
        folder: join(home, "stacks", name),
        configFile: join(home, "stacks", name, `Pulumi.${name}.yaml`),
      });
    }
    assert.deepEqual(await inHome(home, () => stackContext("prod")), {
      stack: "prod",
      home,
      kind: "remote",
      folder: join(home, "stacks", "prod"),
      configFile: join(PROJECT_FOLDER, "Pulumi.prod.yaml"),
    });
  });

  it("that does not exist yet is named with the command that makes it", async () => {
    const home = folders.create();
    const messageFor = async (name: string): Promise<string> => {
      const context = await inHome(home, () => stackContext(name));
      try {
        readSettings(context);
      } catch (error) {
        assert.ok(error instanceof UserError);
        return error.message;
      }
      return assert.fail("it was read");
    };
    assert.equal(await messageFor("local"), "stack local does not exist yet: run ./fitnesscrm up");
    assert.equal(await messageFor("e2e"), "stack e2e does not exist yet: run ./fitnesscrm up --stack e2e");
  });

  it("that is local gets the tracked defaults, keeps what is set, and writes nothing into the checkout", async () => {
    const home = folders.create();
    const context = await inHome(home, () => stackContext("e2e"));
    const template = join(PROJECT_FOLDER, "Pulumi.local.yaml");
    const tracked = readFileSync(template, "utf8");
    const first = updateSettings(context, ["http.port=8099"]);
    assert.equal(first.http.port, 8099);
    assert.deepEqual(updateSettings(context, []), first, "what was set is forgotten");
    assert.equal(readFileSync(template, "utf8"), tracked);
    assert.deepEqual(
      readSettings(context).config?.["fitnesscrm:contacts"],
      readStackFile(template).config?.["fitnesscrm:contacts"],
    );
  });

  it("that is local is at the default again at once where a setting is removed, and without it where there is none", async () => {
    const context = await inHome(folders.create(), () => stackContext("e2e"));
    const untouched = updateSettings(context, []);
    const settings = readSettings(context);
    updateSettings(context, ["http.port=8099", "contacts.databaseAdmin.name=Eve", "app.version=1.2.3"]);
    assert.notDeepEqual(readSettings(context), settings);
    const removed = updateSettings(context, ["http=null", "contacts=null", "app.version=null"]);
    assert.deepEqual(removed, untouched);
    assert.deepEqual(readSettings(context), settings);
    assert.deepEqual(updateSettings(context, []), untouched, "the next time it is something else");
  });

  it("that is local and older than a setting has its default, and is told of it once", async () => {
    const context = await inHome(folders.create(), () => stackContext("e2e"));
    assert.deepEqual(planSettings(context, []).filledIn, [], "a new stack lacks nothing");
    updateSettings(context, []);
    const { config = {}, ...rest } = readStackFile(context.configFile);
    const { escalation: _, ...contacts } = config["fitnesscrm:contacts"] as Record<string, unknown>;
    const { "fitnesscrm:drills": __, ...older } = config;
    const old = { ...rest, config: { ...older, "fitnesscrm:contacts": contacts } };
    writeStackFile(context.configFile, old);
    writeStackFile(join(context.folder, "defaults.yaml"), old);
    // Whoever only reads it finds it whole, and leaves it.
    assert.equal(parseSettings(readSettings(context), "x").contacts.escalation.ceo.name, "CEO");
    assert.deepEqual(readStackFile(context.configFile), old);
    assert.deepEqual(planSettings(context, []).filledIn.sort(), ["contacts.escalation", "drills"]);
    updateSettings(context, []);
    assert.deepEqual(planSettings(context, []).filledIn, []);
  });

  it("that is local keeps nothing of a setting that is wrong", async () => {
    const context = await inHome(folders.create(), () => stackContext("e2e"));
    updateSettings(context, []);
    const before = readFileSync(context.configFile, "utf8");
    for (const wrong of [
      "http.port=x",
      "colour=red",
      "alarms.thresholds.cpu=99",
      "http.port",
      "timeZone=EST",
    ]) {
      assert.throws(
        () => updateSettings(context, [wrong]),
        (error: unknown) => error instanceof UserError && error.exitCode === 2,
        wrong,
      );
      assert.equal(readFileSync(context.configFile, "utf8"), before, wrong);
    }
  });

  it("that is local and never was right leaves no file", async () => {
    const context = await inHome(folders.create(), () => stackContext("e2e"));
    assert.throws(() => updateSettings(context, ["http.port=x"]), UserError);
    assert.equal(existsSync(context.configFile), false);
  });

  it("that is local follows a changed default, even after it was killed between its two files", async () => {
    const context = await inHome(folders.create(), () => stackContext("e2e"));
    updateSettings(context, []);
    const remembered = join(context.folder, "defaults.yaml");
    const old = readStackFile(remembered);
    const older = {
      ...old,
      config: { ...old.config, "fitnesscrm:local": { awsPort: 1111, mailboxPort: 2222 } },
    };
    // As the tracked file was when the settings were last written.
    writeStackFile(remembered, older);
    writeStackFile(context.configFile, older);
    assert.notEqual(updateSettings(context, []).local?.awsPort, 1111);
    // The settings are new, the remembered defaults are not: the next run sees what is the same.
    writeStackFile(remembered, older);
    updateSettings(context, []);
    assert.deepEqual(readStackFile(remembered), old);
    assert.deepEqual(readSettings(context), old);
  });
});

describe("the settings of a remote stack", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  const TEXT = `# Production.
config:
  fitnesscrm:host: ssh://root@crm.example.com # the server
  fitnesscrm:app:
    backendImage: registry.example.com/b@sha256:${"0".repeat(64)}
    frontendImage: registry.example.com/f@sha256:${"1".repeat(64)}
  fitnesscrm:contacts:
    onCall:
      - name: Ada
        email: ada@example.com
    databaseAdmin: { name: Dee, email: dba@example.com }
    securityTeam: { name: Sam, email: security@example.com }
    escalation:
      engineeringManager: { name: Mia, email: manager@example.com }
      cto: { name: Cyd, email: cto@example.com }
      ceo: { name: Eve, email: ceo@example.com }
  fitnesscrm:aws:
    region: us-east-1
  fitnesscrm:mail: { from: crm@example.com }
`;

  function remote(text = TEXT): StackContext {
    const folder = folders.create({ "Pulumi.prod.yaml": text });
    return {
      stack: "prod",
      home: folder,
      kind: "remote",
      folder: join(folder, "stacks/prod"),
      configFile: join(folder, "Pulumi.prod.yaml"),
    };
  }

  it("are read and not written where nothing is set", () => {
    const context = remote();
    assert.equal(updateSettings(context, []).host, "ssh://root@crm.example.com");
    assert.equal(readFileSync(context.configFile, "utf8"), TEXT);
  });

  it("keep their comments where something is", () => {
    const context = remote();
    assert.equal(updateSettings(context, ["aws.region=eu-central-1"]).aws.region, "eu-central-1");
    assert.equal(readFileSync(context.configFile, "utf8"), TEXT.replace("us-east-1", "eu-central-1"));
  });

  it("stay as they were where what is set is wrong", () => {
    const context = remote();
    assert.throws(() => updateSettings(context, ["aws.region=moon"]), {
      message: `${context.configFile}: configuration: fitnesscrm:aws.region is "moon": must be an AWS region such as us-east-1`,
    });
    assert.equal(readFileSync(context.configFile, "utf8"), TEXT);
  });

  it("that lack a setting name it, and how to set it", () => {
    const context = remote(TEXT.replace(/ {4}escalation:\n(?: {6}.*\n){3}/, ""));
    assert.throws(() => updateSettings(context, []), {
      message:
        `${context.configFile}: configuration: fitnesscrm:contacts.escalation is not set: must name engineeringManager, cto and ceo, ` +
        "each by --set 'contacts.escalation.ceo={name: …, email: …}'",
    });
    const set = ["engineeringManager", "cto", "ceo"].map(
      (who) => `contacts.escalation.${who}={name: ${who}, email: ${who}@example.com}`,
    );
    assert.equal(updateSettings(context, set).contacts.escalation.cto.email, "cto@example.com");
  });

  it("name everything that still has to be set, in one line", () => {
    const context = remote(
      TEXT.replace("ada@example.com", "<set me>").replace("root@crm.example.com", "<set me>"),
    );
    assert.throws(() => updateSettings(context, []), {
      message: `${context.configFile}: still to be set: fitnesscrm:host, fitnesscrm:contacts.onCall[0].email`,
      exitCode: 2,
    });
  });

  it("of the project: every value that a person has to know is a placeholder, and no other", () => {
    const tracked = readStackFile(join(PROJECT_FOLDER, "Pulumi.prod.yaml"));
    assert.throws(() => parseSettings(tracked, "prod"), {
      message:
        "prod: still to be set: fitnesscrm:host, fitnesscrm:app.backendImage, fitnesscrm:app.frontendImage, " +
        "fitnesscrm:http.publicUrl, fitnesscrm:contacts.onCall[0].name, fitnesscrm:contacts.onCall[0].email, " +
        "fitnesscrm:contacts.databaseAdmin.email, fitnesscrm:contacts.securityTeam.email, " +
        "fitnesscrm:contacts.escalation.engineeringManager.email, fitnesscrm:contacts.escalation.cto.email, " +
        "fitnesscrm:contacts.escalation.ceo.email, fitnesscrm:mail.from",
    });
  });

  it("ask for the application's folder only where it is built", async () => {
    const home = folders.create();
    await withEnvironment({ FITNESSCRM_HOME: home }, () => {
      const context = stackContext("gone");
      updateSettings(context, []);
      const file = readStackFile(context.configFile);
      writeStackFile(
        context.configFile,
        setValue(file, ["app", "source"], JSON.stringify(join(home, "gone"))),
      );
      assert.equal(openSession("gone").config.app.source, join(home, "gone"));
      assert.throws(() => openSession("gone", { builds: true }), {
        message: /fitnesscrm:app\.source is ".*gone", which has no backend\/Dockerfile\.prod and no frontend/,
        exitCode: 2,
      });
    });
  });

  it("do not have to hold a secret in clear, and none that they hold is looked at or shown", () => {
    const encrypted = readStackFile(remote(`${TEXT}  fitnesscrm:secrets:\n    secure: v1:abc\n`).configFile);
    assert.equal(parseSettings(encrypted, "x").secrets.redisPassword, "not-looked-at-here");
  });

  it("name a service outside whose token stays encrypted", () => {
    const set = ["tickets={repository: example/crm}", "sentry={organization: fitness, project: crm}"];
    const { tickets, sentry } = updateSettings(remote(), set);
    assert.equal(tickets?.repository, "example/crm");
    assert.equal(sentry?.apiUrl, "https://sentry.io");
  });
});
