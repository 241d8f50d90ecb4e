import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { AttemptRecord } from "../../../../attempt";
import type { UpOptions } from "../../../../cli/commands/up";
import { stackContext, updateSettings } from "../../../../cli/context";
import { UserError } from "../../../../cli/errors";
import { applyRelease } from "../../../../cli/releases/apply";
import { liftPin, pinSetting } from "../../../../cli/releases/pinning";
import { nextDeployment } from "../../../../cli/releases/unpin";
import { openSession, type Session } from "../../../../cli/session";
import { readStackFile } from "../../../../cli/stackFile";
import type { Pin } from "../../../../config";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";
import { entry, IMAGES, release } from "./entries";

const PIN: Pin = {
  version: 2,
  commit: "1".repeat(40),
  images: IMAGES("a"),
  app: { environment: { SINCE: "2026-01-01" }, logLevel: "INFO", allowedOrigins: [] },
  by: "ada@workstation",
  at: "2026-11-25 12:00:00 UTC",
};
const EARLIER: Pin = { ...PIN, version: 1, at: "2026-11-20 12:00:00 UTC" };
const live = entry(4, { current: true, release: release("b") });
const target = entry(2, { release: release("a") });
const CHOICE = { live, failed: undefined, target, undone: [live] };

/** A Docker host that knows which images serve, and keeps the record of the last attempt. */
const FAKE_DOCKER = `#!/bin/sh
case "$1 $2" in
  "service inspect") cat "$FAKE/serving" ;;
  "config inspect") [ -f "$FAKE/record" ] && printf '"%s"' "$(base64 -w0 "$FAKE/record")" ;;
  "config rm") rm -f "$FAKE/record" ;;
  "config create") cat >"$FAKE/record" ;;
esac
`;

describe("applying a release", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  interface Stage {
    session: Session;
    serve(images: Record<string, string>): void;
    record(): { pin?: { version: number } } | undefined;
    write(record: AttemptRecord): void;
    setting(): unknown;
  }

  /** A local stack with settings of its own. */
  async function onStage<T>(body: (stage: Stage) => Promise<T>, pinned?: Pin): Promise<T> {
    const fake = folders.create();
    writeScript(fake, "docker", FAKE_DOCKER);
    writeFileSync(join(fake, "serving"), "");
    const environment = {
      FITNESSCRM_HOME: folders.create(),
      FAKE: fake,
      PATH: `${fake}:${process.env.PATH}`,
    };
    return withEnvironment(environment, async () => {
      const context = stackContext("unit");
      mkdirSync(context.folder, { recursive: true });
      writeFileSync(context.configFile, stringify({ config: {} }));
      updateSettings(context, pinned === undefined ? [] : [pinSetting(pinned)]);
      const record = join(fake, "record");
      return body({
        session: openSession("unit"),
        serve: (images) =>
          writeFileSync(
            join(fake, "serving"),
            Object.entries(images)
              .map(([service, image]) => `fitnesscrm-unit-${service} ${image}\n`)
              .join(""),
          ),
        record: () =>
          existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as { pin?: Pin }) : undefined,
        write: (content) => writeFileSync(record, JSON.stringify(content)),
        setting: () => readStackFile(context.configFile).config?.["fitnesscrm:pin"],
      });
    });
  }

  const attemptOf = ({ version, commit, by, at }: Pin): AttemptRecord => {
    return {
      attempt: "x",
      stage: "started",
      startedAt: "2026-11-25T12:00:01.000Z",
      by,
      backup: null,
      commit,
      dirty: false,
      before: { notes: [], seconds: 1 },
      services: {},
      pin: { version, commit, by, at },
    };
  };

  /** What `up` does with its settings before it fails. */
  const failing =
    (happens: () => void) =>
    async ({ stack, set }: UpOptions): Promise<void> => {
      updateSettings(stackContext(stack), set);
      happens();
      throw new UserError("up: gate after: critical endpoint answers 500");
    };

  it("is an update with the pin as a setting, and nothing that asks", async () => {
    await onStage(async ({ session }) => {
      const calls: UpOptions[] = [];
      await applyRelease(session, CHOICE, PIN, async (options) => {
        calls.push(options);
      });
      assert.deepEqual(calls, [
        {
          stack: "unit",
          set: [`pin=${JSON.stringify(PIN)}`],
          yes: true,
          keepPin: true,
          within: "rollback to release 2",
        },
      ]);
    });
  });

  it("that fails while the old images serve leaves no pin, neither here nor on the host", async () => {
    await onStage(async ({ session, serve, record, write, setting }) => {
      const update = failing(() => {
        serve({ ...IMAGES("b"), frontend: IMAGES("a").frontend });
        write(attemptOf(PIN));
      });
      await assert.rejects(applyRelease(session, CHOICE, PIN, update), {
        message:
          "rollback: up: gate after: critical endpoint answers 500. What serves now: backend and nginx of release 4, " +
          "frontend of release 2; no release is pinned",
      });
      assert.equal(setting() ?? undefined, undefined);
      assert.equal(record()?.pin, undefined);
      assert.notEqual(record(), undefined, "the attempt itself stays on record");
    });
  });

  it("that fails although its images serve keeps its pin: it is what runs", async () => {
    await onStage(async ({ session, serve, record, write, setting }) => {
      const update = failing(() => {
        serve(IMAGES("a"));
        write(attemptOf(PIN));
      });
      await assert.rejects(applyRelease(session, CHOICE, PIN, update), {
        message:
          "rollback: up: gate after: critical endpoint answers 500. What serves now: backend and frontend and nginx of " +
          "release 2; it stays pinned to release 2 until ./fitnesscrm unpin --stack unit",
      });
      assert.deepEqual(setting(), PIN);
      assert.equal(record()?.pin?.version, 2);
    });
  });

  it("that fails in a stack which was pinned before leaves that pin", async () => {
    await onStage(async ({ session, serve, record, write, setting }) => {
      const update = failing(() => {
        serve(IMAGES("b"));
        write(attemptOf(PIN));
      });
      await assert.rejects(applyRelease(session, CHOICE, PIN, update), /; release 1 is pinned, as before$/);
      assert.deepEqual(setting(), EARLIER);
      assert.equal(record()?.pin?.version, 1);
    }, EARLIER);
  });

  it("that fails before anything was set touches nothing", async () => {
    await onStage(async ({ session, serve, record, setting }) => {
      serve(IMAGES("b"));
      const update = async (): Promise<void> => {
        throw new UserError("stack is locked: ada runs `fitnesscrm up`");
      };
      await assert.rejects(
        applyRelease(session, CHOICE, PIN, update),
        /^UserError: rollback: stack is locked: .*; no release is pinned$/,
      );
      assert.equal(setting(), undefined);
      assert.equal(record(), undefined);
    });
  });

  it("is lifted in the settings and on the host, and again without an error", async () => {
    await onStage(async ({ session, record, write, setting }) => {
      write(attemptOf(PIN));
      assert.equal(await liftPin(session), 2);
      assert.equal(setting() ?? undefined, undefined);
      assert.equal(record()?.pin, undefined);
      assert.equal(await liftPin(session), undefined);
    }, PIN);
  });

  it("is lifted where only the host knows of it: another machine has rolled back", async () => {
    await onStage(async ({ session, record, write }) => {
      write(attemptOf(PIN));
      assert.equal(await liftPin(session), 2);
      assert.equal(record()?.pin, undefined);
    });
  });
});

describe("what comes after a pin", () => {
  const app = { environment: {}, logLevel: "INFO" as const, allowedOrigins: [] };
  const context = {
    stack: "unit",
    kind: "local",
    configFile: "Pulumi.unit.yaml",
    folder: "",
    home: "",
  } as const;
  const session = (app: Session["config"]["app"], kind: "local" | "remote" = "local") =>
    ({ context: { ...context, kind }, config: { app } }) as Pick<Session, "context" | "config">;

  it("is the checkout that the settings name", () => {
    const folders = new TempFolders();
    try {
      const source = folders.create();
      assert.equal(
        nextDeployment(session({ ...app, source, version: "2.0" })),
        `The next ./fitnesscrm up --stack unit deploys version 2.0, ${source} which is no git checkout.`,
      );
    } finally {
      folders.remove();
    }
  });

  it("is the images that they name, and a tracked file has to be committed", () => {
    assert.equal(
      nextDeployment(session({ ...app, backendImage: "b@sha256:1", frontendImage: "f@sha256:2" }, "remote")),
      "The next ./fitnesscrm up --stack unit deploys b@sha256:1 and f@sha256:2. Commit Pulumi.unit.yaml, which held the pin.",
    );
  });
});
