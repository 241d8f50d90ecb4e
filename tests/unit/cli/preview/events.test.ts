import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { PreviewReader } from "../../../../cli/preview/events";
import { recorded, recordedText } from "./support/recorded";

const actions = (name: string): string[] =>
  recorded(name)
    .changes.map(({ action, name: resource }) => `${action} ${resource}`)
    .sort();

describe("reading a preview's events", () => {
  it("finds nothing in a preview that changes nothing", () => {
    assert.deepEqual(recorded("no-changes"), {
      changes: [],
      unchanged: 127,
      violations: [],
      problems: [],
      succeeded: true,
    });
  });

  it("takes the steps of one replacement for one change, and a command that runs again for a run", () => {
    assert.deepEqual(actions("new-release"), [
      "replace fitnesscrm-pr-backup",
      "run backend",
      "update backend",
      "update ops",
      "update restore",
    ]);
  });

  it("has a violation's policy, resource and message", () => {
    const { violations, succeeded, problems } = recorded("violation");
    assert.equal(succeeded, false);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      violations.map(({ policy, mandatory }) => [policy, mandatory]),
      [
        ["backup-retention", true],
        ["backup-retention", true],
      ],
    );
    assert.match(violations[0]?.urn ?? "", /::fitnesscrm-pr-backups$/);
    assert.match(violations[0]?.message ?? "", /Manual M43: .*\.$/);
  });

  it("knows a protected resource by its state, and why it would be replaced", () => {
    const volumes = recorded("volumes-replaced").changes.filter(({ action }) => action === "replace");
    assert.equal(volumes.length, 5);
    for (const { isProtected, properties } of volumes) {
      assert.equal(isProtected, true);
      assert.deepEqual(properties, ["name"]);
    }
  });

  it("tells what was changed by hand from what the program changes", () => {
    assert.deepEqual(
      recorded("drift").changes.map(({ name, hasDrifted }) => [name, hasDrifted]),
      [["backend", true]],
    );
    assert.ok(recorded("cache-replaced").changes.every(({ hasDrifted }) => !hasDrifted));
  });

  it("a preview without its end did not succeed", () => {
    const reader = new PreviewReader();
    assert.equal(reader.preview.succeeded, false);
  });

  it("takes no line for an event that is none", () => {
    const reader = new PreviewReader();
    for (const line of ["", "error: no passphrase", "[1]", "3", "null", "{"]) {
      assert.equal(reader.add(line), false, line);
    }
    assert.equal(reader.add('{"cancelEvent":{}}'), true);
  });

  it("leaves out what the engine says to itself", () => {
    const reader = new PreviewReader();
    const say = (severity: string, ephemeral: boolean) =>
      reader.add(
        JSON.stringify({ diagnosticEvent: { severity, message: "<{%reset%}>m<{%reset%}>\n", ephemeral } }),
      );
    say("debug", false);
    say("info#err", true);
    say("info", false);
    say("warning", false);
    assert.deepEqual(reader.preview.problems, [{ severity: "warning", message: "m" }]);
  });
});

describe("recorded previews", () => {
  const names = readdirSync(join(__dirname, "recorded")).map((file) => basename(file, ".jsonl"));

  it("hold no value of a property but images' digests", () => {
    for (const name of names) {
      for (const line of recordedText(name).split("\n").filter(Boolean)) {
        const event = JSON.parse(line) as Record<string, { metadata?: Record<string, unknown> }>;
        const metadata = event.resourcePreEvent?.metadata ?? event.resOutputsEvent?.metadata ?? {};
        for (const side of [metadata.old, metadata.new] as ({ inputs?: unknown } | undefined)[]) {
          const values = JSON.stringify(side?.inputs ?? {});
          assert.match(
            values,
            /^(?:\{\}|\{"taskSpec":\{"containerSpec":\{"image":"(?:sha256:[0-9a-f]{64}|[0-9a-f-]{36})"\}\}\})$/,
            name,
          );
        }
      }
    }
  });
});
