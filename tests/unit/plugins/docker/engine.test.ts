import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { Engine } from "../../../../plugins/docker/engine";
import { TempFolders } from "../../../support/temp";

describe("an engine that is stuck", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("fails what asks it, which else would outlast every limit of an update", async () => {
    const socket = join(folders.create(), "engine.sock");
    const server = createServer(() => undefined).listen(socket);
    await once(server, "listening");
    const engine = Engine.connect(`unix://${socket}`, [], 100);
    try {
      await assert.rejects(engine.get("/services/backend"), {
        name: "EngineError",
        message: "the Docker engine did not answer GET /services/backend within 0.1 s",
      });
    } finally {
      engine.close();
      server.closeAllConnections();
      server.close();
    }
  });
});
