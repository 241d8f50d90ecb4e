import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { get, NoAnswer } from "../../../cli/http";

async function listening<S extends Server | TcpServer>(server: S): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe("asking over HTTP", () => {
  it("gives the status and the body", async () => {
    const server = createServer((_, response) => {
      response.statusCode = 503;
      response.end("not yet");
    });
    try {
      assert.deepEqual(await get(await listening(server), 5), { status: 503, body: "not yet" });
    } finally {
      server.close();
    }
  });

  it("says that nobody listens", async () => {
    const server = createTcpServer();
    const url = await listening(server);
    await new Promise((closed) => server.close(closed));
    await assert.rejects(get(url, 5), new NoAnswer("ECONNREFUSED"));
  });

  it("ends when the connection is taken and dropped at once", async () => {
    const server = createTcpServer((socket) => socket.end());
    try {
      await assert.rejects(get(await listening(server), 5), NoAnswer);
    } finally {
      server.close();
    }
  });

  it("ends when the connection is reset", async () => {
    const server = createTcpServer((socket) => socket.resetAndDestroy());
    try {
      await assert.rejects(get(await listening(server), 5), new NoAnswer("ECONNRESET"));
    } finally {
      server.close();
    }
  });

  it("says so when an answer stops in the middle", async () => {
    const server = createTcpServer((socket) =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
    );
    try {
      await assert.rejects(get(await listening(server), 5), NoAnswer);
    } finally {
      server.close();
    }
  });

  it("waits no longer than its limit", async () => {
    const server = createTcpServer(() => {});
    try {
      await assert.rejects(get(await listening(server), 0.2), new NoAnswer("nothing within 0.2 seconds"));
    } finally {
      server.close();
    }
  });
});
