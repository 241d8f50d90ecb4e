import assert from "node:assert/strict";
import type { AttemptRecord } from "../../../../attempt";
import { excuseFor, isFirstDeployment, opensEdge } from "../../../../cli/deploy/before";
import type { StackServiceInfo } from "../../../../cli/docker";

const service = (name: string): StackServiceInfo => ({
  id: name,
  name: `fitnesscrm-test-${name}`,
  service: name,
  publishedPorts: [],
});

describe("the first deployment of a stack", () => {
  const TABLE: [what: string, running: string[], isFirst: boolean][] = [
    ["is that onto an engine without it", [], true],
    ["is not that onto one whose database's service alone is gone", ["ops", "backend", "redis"], false],
    ["is not that onto one that broke off after the database", ["db"], false],
    ["is not that onto one that runs", ["db", "ops", "backend"], false],
  ];
  for (const [what, running, isFirst] of TABLE) {
    it(what, () => assert.equal(isFirstDeployment(running.map(service)), isFirst));
  }
});

describe("a deployment opens the port at which users are answered", () => {
  const TABLE: [what: string, running: StackServiceInfo[], opens: boolean][] = [
    ["where the edge had another one", [{ ...service("nginx"), publishedPorts: [80] }], true],
    ["not where the edge has it already", [{ ...service("nginx"), publishedPorts: [80, 443] }], false],
    ["not where the edge is gone, which is to be told", [service("db")], false],
  ];
  for (const [what, running, opens] of TABLE) {
    it(what, () => assert.equal(opensEdge(running, 443), opens));
  }
});

describe("a deployment that can save nothing before it", () => {
  const live: AttemptRecord["live"] = { attempt: "a", commit: null, images: {}, services: {} };
  const none = { repair: undefined, despite: undefined };
  const TABLE: [what: string, ...question: Parameters<typeof excuseFor>, excuse: string | undefined][] = [
    ["has no excuse where a release is live", none, { live }, undefined],
    ["has none where nobody knows what was live", none, undefined, undefined],
    ["is excused where none was live yet", none, {}, "no release of this stack was live yet"],
    ["is excused by what it repairs", { ...none, repair: "db is gone" }, { live }, "db is gone"],
    ["is excused by its reason first", { despite: "told", repair: "db is gone" }, {}, "told"],
  ];
  for (const [what, handed, record, excuse] of TABLE) {
    it(what, () => assert.equal(excuseFor(handed, record), excuse));
  }
});
