import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { requireIsolatable } from "../../../../cli/isolate/isolate";
import {
  formatIsolation,
  ISOLATABLE,
  ISOLATED_ANSWER,
  ISOLATION_FOLDER,
  parseIsolations,
} from "../../../../cli/isolate/isolation";

const ISOLATION = {
  service: "backend",
  at: "2026-11-26T10:15:00.000Z",
  by: "ada@workstation",
  reason: "somebody reads all clients",
} as const;

describe("services off the edge (M52)", () => {
  it("are told with who, when and why, and what puts them back", () => {
    const [found] = parseIsolations(`backend ${JSON.stringify(ISOLATION)}\n`);
    assert.deepEqual(found, ISOLATION);
    assert.equal(
      formatIsolation(ISOLATION, "prod"),
      "backend is off the edge since 2026-11-26T10:15:00.000Z, by ada@workstation: somebody reads all clients; " +
        "./fitnesscrm isolate backend --undo --stack prod puts it back",
    );
  });

  it("count by their file alone, whatever stands in it, as nginx takes it; other files do not", () => {
    const found = parseIsolations(
      'frontend not json\nbackend {"service":"frontend"}\nbackend.new {}\nx {}\n',
    );
    assert.deepEqual(
      found.map(({ service, reason }) => [service, reason]),
      [
        ["frontend", "its record cannot be read"],
        ["backend", "its record cannot be read"],
      ],
    );
    assert.deepEqual(parseIsolations(""), []);
  });

  it("can be only what users reach through the edge", () => {
    for (const service of ISOLATABLE) {
      assert.equal(requireIsolatable(service), service);
    }
    assert.throws(
      () => requireIsolatable("db"),
      /"db" is not reached through the edge: must be one of backend, frontend/,
    );
  });

  it("are looked for by nginx where they are written, and answered with what the command expects", () => {
    const template = readFileSync(
      join(__dirname, "..", "..", "..", "..", "images", "nginx", "nginx.conf.template"),
      "utf8",
    );
    for (const service of ISOLATABLE) {
      const [, answer = ""] =
        new RegExp(`if \\(-f ${ISOLATION_FOLDER}/${service}\\) \\{\\s+return 503 '(.*)';`).exec(template) ??
        [];
      assert.match(answer, ISOLATED_ANSWER, service);
    }
  });
});
