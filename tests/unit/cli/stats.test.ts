import assert from "node:assert/strict";
import { formatStats, type Inspected, parseMeasured, parseSize, statsByService } from "../../../cli/stats";

const container = (Id: string, service: string, more: Partial<Inspected> = {}): Inspected => ({
  Id,
  Name: `/${Id}`,
  State: { Running: true, OOMKilled: false },
  HostConfig: { Memory: 512 * 1024 ** 2, NanoCpus: 1e9 },
  Config: { Labels: { "fitnesscrm.service": service } },
  ...more,
});
const line = (ID: string, CPUPerc: string, MemUsage: string): string =>
  JSON.stringify({ ID, CPUPerc, MemUsage, PIDs: "3", Name: "x" });

describe("what containers use", () => {
  it("is read from the engine's own lines, without those of containers that are gone", () => {
    const text = `${line("a", "12.50%", "10.5MiB / 512MiB")}\n${line("b", "--", "-- / --")}\n`;
    assert.deepEqual(
      parseMeasured(text).map(({ ID }) => ID),
      ["a"],
    );
    const sizes: [string, number][] = [
      ["10.5MiB ", 10.5 * 1024 ** 2],
      ["0B", 0],
      ["1.5GiB", 1.5 * 1024 ** 3],
      ["2kB", 2000],
    ];
    for (const [shown, bytes] of sizes) {
      assert.equal(parseSize(shown), bytes);
    }
    assert.ok(Number.isNaN(parseSize("--")));
  });

  it("is told by service, the one nearest to its limit first, with restarts and OOM kills of what is gone", () => {
    const found = [
      container("a", "db"),
      container("b", "backend"),
      container("c", "backend", { State: { Running: false, OOMKilled: true } }),
    ];
    const measures = parseMeasured(
      [line("a", "1.00%", "51.2MiB / 512MiB"), line("b", "5.00%", "256MiB / 512MiB")].join("\n"),
    );
    const tasks = [
      { service: "backend", state: "failed" },
      { service: "backend", state: "running" },
    ];
    const stats = statsByService(["db", "backend", "agent"], found, measures, tasks);
    assert.deepEqual(
      stats.map(({ service, restarts, oomKills, containers }) => [
        service,
        restarts,
        oomKills,
        containers.length,
      ]),
      [
        ["backend", 1, 1, 1],
        ["db", 0, 0, 1],
        ["agent", 0, 0, 0],
      ],
    );
    const [, backend, , agent] = formatStats(stats).split("\n");
    assert.match(backend ?? "", /^backend +b +5\.0 % +100 % +256 MiB +512 MiB +50\.0 % +1 +1$/);
    assert.match(agent ?? "", /^agent +- .* 0 +0$/);
  });
});
