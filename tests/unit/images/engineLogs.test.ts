import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { sinceArgument } from "../../../ops/logs/engine";

const CONFIG = readFileSync(resolve(__dirname, "../../../images/engine/nginx.conf"), "utf8");
const [, LIST = ""] =
  /map "\$request_method \$request_uri" \$may_log \{([\s\S]*?)\n {2}\}/.exec(CONFIG) ?? [];
const EXPRESSIONS = [...LIST.matchAll(/^\s*"~(.*)" 1;$/gm)].map(
  ([, expression = ""]) => new RegExp(expression),
);
const may = (request: string): boolean => EXPRESSIONS.some((expression) => expression.test(request));

const tasksOf = (service: string): string =>
  `GET /tasks?filters=${encodeURIComponent(JSON.stringify({ service: [service] }))}`;
const LOG = `GET /tasks/0abc9defgh1jklm2nopqrstu3/logs?stdout=1&stderr=1&timestamps=1&since=${sinceArgument(1_700_000_000_007)}`;

describe("the engine's reader for logs", () => {
  it("lets through what the archive asks, and has nothing else on its list", () => {
    assert.equal(EXPRESSIONS.length, 2);
    assert.ok(may(tasksOf("fitnesscrm-local-backend")));
    assert.ok(may(LOG));
  });

  for (const request of [
    tasksOf("somebody-else"),
    tasksOf('fitnesscrm-a"],"x":["b'),
    `${tasksOf("fitnesscrm-local-backend")}&x=1`,
    "GET /tasks",
    "GET /tasks/0abc9",
    // The engine would take the beginning of an id.
    LOG.replace("0abc9defgh1jklm2nopqrstu3", "0abc9"),
    `${LOG}&follow=1`,
    LOG.replace("/tasks/", "/containers/"),
    LOG.replace("/tasks/", "/tasks/../"),
    LOG.replace("GET", "POST"),
    LOG.replace("GET", "HEAD"),
    `GET http://docker${LOG.slice(4)}`,
    "GET /secrets",
  ]) {
    it(`refuses ${request}`, () => assert.ok(!may(request)));
  }

  it("is a socket of its own, which asks that list before the engine", () => {
    const [, server = ""] =
      /server \{\n\s*listen unix:\/run\/engine-logs\/engine\.sock;([\s\S]*?)\n {2}\}/.exec(CONFIG) ?? [];
    assert.match(server, /if \(\$may_log = 0\) \{\s*return 403/);
    assert.ok(!/\$may\b/.test(server));
  });
});
