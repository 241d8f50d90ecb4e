import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseBundle } from "../../../../ops/certificates/certificate";
import { requireChallenges, requireServed } from "../../../../ops/certificates/edge";
import { TempFolders } from "../../../support/temp";
import { KEY, LEAF, OTHER_NAME } from "./fixtures";

const { signal } = new AbortController();
const HOST = "127.0.0.1";

const folders = new TempFolders();
after(() => folders.remove());
const inTemporaryFolder = <T>(use: (folder: string) => Promise<T>): Promise<T> => use(folders.create());

type Server = ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>;

/** Listens as long as `use` takes. */
async function listening<T>(server: Server, use: (port: number) => Promise<T>): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("challenges of the edge", () => {
  const answering = (listener: RequestListener, seconds: number): Promise<unknown> =>
    inTemporaryFolder(async (folder) =>
      listening(createServer(listener), (port) =>
        requireChallenges({ host: HOST, port }, folder, signal, seconds),
      ),
    );

  it("are waited for, and nothing is left in the webroot", () =>
    inTemporaryFolder(async (folder) => {
      let asked = 0;
      const server = createServer((request, response) => {
        asked += 1;
        void readFile(join(folder, request.url ?? "")).then((body) => {
          response.statusCode = asked === 1 ? 502 : 200;
          response.end(body);
        });
      });
      await listening(server, (port) => requireChallenges({ host: HOST, port }, folder, signal, 10));
      assert.equal(asked, 2);
      assert.deepEqual(await readdir(join(folder, ".well-known", "acme-challenge")), []);
    }));

  it("are not served by who sends everybody elsewhere", () =>
    assert.rejects(
      answering((_, response) => response.writeHead(308, { Location: "https://crm.example.com/" }).end(), 0),
      /^Error: the edge does not serve challenges at 127\.0\.0\.1:\d+: it answered 308$/,
    ));

  it("are not served by who answers something else", () =>
    assert.rejects(
      answering((_, response) => response.end("hello"), 0),
      /it answered 200$/,
    ));

  it("are not served by nobody", () =>
    assert.rejects(
      inTemporaryFolder((folder) => requireChallenges({ host: HOST, port: 1 }, folder, signal, 0)),
      /^Error: the edge does not serve challenges at 127\.0\.0\.1:1: .+/,
    ));

  it("are not waited for by who is told to stop", async () => {
    const stop = new AbortController();
    stop.abort(new Error("stopped"));
    await inTemporaryFolder((folder) =>
      assert.rejects(requireChallenges({ host: HOST, port: 1 }, folder, stop.signal, 60), /stopped/),
    );
  });
});

describe("the certificate that the edge serves", () => {
  const served = (cert: string, wanted: string): Promise<void> =>
    listening(createTlsServer({ cert, key: KEY }), (tlsPort) => {
      const { fingerprint256 } = parseBundle(wanted + KEY).chain[0];
      return requireServed({ host: HOST, tlsPort }, "crm.example.com", fingerprint256, signal, 0);
    });

  it("is told from another one by its fingerprint, whoever vouches for it", async () => {
    await served(LEAF, LEAF);
    await assert.rejects(
      served(OTHER_NAME, LEAF),
      /^Error: the edge does not serve the certificate of crm\.example\.com that is on the volume, see \.\/fitnesscrm logs nginx: it serves another one$/,
    );
  });
});
