import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { Resolver } from "../../../toolchain/resolver";
import { pebbleTool } from "../../../toolchain/tools/pebble";
import type { Tool } from "../../../toolchain/types";
import { RecordingReporter, scratch } from "./fakes";

describe("Pebble", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    made.host.have("go").on("go version", "go version go1.26.6 linux/amd64");
    made.host.on("go build", async (argv) => {
      await writeFile(argv[argv.indexOf("-o") + 1] ?? "", "built");
      return "";
    });
  });
  afterEach(() => made.remove());
  const go: Tool = { name: "Go", why: "x", remedy: "y", ways: [], present: async () => "go" };
  const provide = () =>
    new Resolver(made.host, new RecordingReporter()).provide([pebbleTool(made.context, go)]);
  const download = (Sum: string) => made.host.on("go mod download", JSON.stringify({ Dir: "/module", Sum }));

  it("is built from its Go module, once", async () => {
    download("h1:Zg/Rq9T8FvNMvfLvi3k+dXmrwgDnG9neRpeaJY2hwVM=");
    assert.deepEqual(
      (await provide()).map(({ tool, what, way }) => [tool, what, way]),
      [
        ["Pebble", "v2.10.3 (Go module)", "Go module"],
        ["Go", "go", "already there"],
      ],
    );
    assert.match(made.host.called("go build")[0] ?? "", / \.\/cmd\/pebble$/);
    made.host.calls.length = 0;
    assert.equal((await provide())[0]?.way, "already there");
    assert.deepEqual(made.host.called("go build"), []);
  });

  it("is refused with another content than the pinned one", async () => {
    download("h1:of something else");
    await assert.rejects(provide(), /pebble\/v2 has the checksum h1:of something else, expected h1:Zg/);
    assert.deepEqual(made.host.called("go build"), []);
  });
});
