import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { cloudWatch } from "../../../ops/cloudWatch";

describe("what ops asks CloudWatch every minute", () => {
  let server: Server;
  let asked = 0;
  before(async () => {
    server = createServer(() => {
      asked += 1;
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it("fails when nobody answers: who asks by turns would wait for ever, and never ask again", async () => {
    const client = cloudWatch(
      {
        region: "us-east-1",
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        credentials: async () => ({ accessKeyId: "a", secretAccessKey: "b" }),
      },
      100,
    );
    try {
      await assert.rejects(client.describeAlarms({}), { name: "TimeoutError" });
      assert.equal(asked, 2);
    } finally {
      client.destroy();
    }
  });
});
