import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { checkCertificate, describeImages, healthy, pageCheck } from "../../../../ops/window/checks";

const NOW = new Date("2026-12-06T07:00:00Z");

describe("what a maintenance window checks", () => {
  it("names each part that does not work, with its reason", async () => {
    const works = async () => undefined;
    const fails = async () => {
      throw new Error("connection refused");
    };
    assert.equal(await healthy({ database: works, redis: works }, 1_000), "database, redis work");
    await assert.rejects(
      healthy({ database: works, redis: fails }, 1_000),
      /^Error: redis: connection refused$/,
    );
  });

  describe("of pages", () => {
    let server: Server;
    let base: string;
    before((done) => {
      server = createServer((request, answer) => {
        answer.statusCode = Number(request.url?.slice(1));
        answer.end("page");
      }).listen(0, "127.0.0.1", () => {
        base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        done();
      });
    });
    after(() => server.close());

    it("is that they answer, also by sending their reader on", async () => {
      assert.equal(await pageCheck(`${base}/200`, 1_000)(), undefined);
      assert.equal(await pageCheck(`${base}/308`, 1_000)(), undefined);
      await assert.rejects(pageCheck(`${base}/404`, 1_000)(), new Error(`${base}/404 answered 404`));
      await assert.rejects(pageCheck(`${base}/503`, 1_000)(), new Error(`${base}/503 answered 503`));
    });
  });

  it("of images is what was deployed last, and whether that ended half way", () => {
    const deployed = {
      attempt: "20261129t120000z-0a1b",
      endedAt: "2026-11-29T12:00:00.000Z",
      by: "ada@workstation",
      result: "succeeded" as const,
    };
    assert.equal(
      describeImages(deployed, NOW),
      "images are refreshed by CI or the launcher; the last deployment is 20261129t120000z-0a1b by ada@workstation, 6 days ago",
    );
    assert.deepEqual(describeImages(null, NOW), {
      skipped: "images are refreshed by CI or the launcher; no deployment is on record",
    });
    assert.throws(
      () => describeImages({ ...deployed, result: "failed", reason: "gate after: / answered 502" }, NOW),
      /, 6 days ago, and it failed \(gate after: \/ answered 502\): run \.\/fitnesscrm up$/,
    );
  });

  it("of a certificate is nothing where the address has none", async () => {
    assert.deepEqual(await checkCertificate("http://localhost:8080", NOW, 1_000), {
      skipped: "http://localhost:8080 has no certificate",
    });
    await assert.rejects(checkCertificate("https://127.0.0.1:1", NOW, 1_000), /ECONNREFUSED/);
  });
});
