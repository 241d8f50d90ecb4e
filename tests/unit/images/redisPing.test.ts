import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import fc from "fast-check";
import { command, parseRedisUrl, pingRedis, readReply } from "../../../ops/redis-ping";

/** A server on loopback that answers each chunk with the next of `replies`. */
async function answering(replies: string[]): Promise<{ server: Server; port: number; received: string[] }> {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      received.push(chunk.toString());
      for (const reply of replies) {
        socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return { server, port: address.port, received };
}

describe("the Redis ping", () => {
  it("reads a simple reply and leaves what follows it", () => {
    const reply = readReply(Buffer.from("+OK\r\n+PONG\r\n"));
    assert(reply !== undefined && "text" in reply);
    assert.equal(reply.text, "OK");
    assert.equal(reply.rest.toString(), "+PONG\r\n");
  });

  it("gives an error reply as the reason", () => {
    assert.deepEqual(readReply(Buffer.from("-WRONGPASS invalid username-password pair\r\n")), {
      error: "WRONGPASS invalid username-password pair",
    });
  });

  it("waits for the rest of a reply, however it is cut", () => {
    const whole = Buffer.from("+PONG\r\n");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
        assert.equal(readReply(whole.subarray(0, length)), undefined);
      }),
    );
  });

  it("never throws and never waits for ever, whatever a server sends", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4097, maxLength: 5000 }), (bytes) => {
        assert.notEqual(readReply(Buffer.from(bytes)), undefined);
      }),
    );
  });

  it("counts the bytes of a word, not its characters", () => {
    assert.equal(command("AUTH", "pässword"), "*2\r\n$4\r\nAUTH\r\n$9\r\npässword\r\n");
  });

  it("takes any password that a URL can carry", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (password) => {
        const { auth } = parseRedisUrl(`redis://:${encodeURIComponent(password)}@redis:6379/0`);
        assert.deepEqual(auth, ["AUTH", password]);
      }),
    );
  });

  it("names a user only where the URL does, and takes the usual port", () => {
    assert.deepEqual(parseRedisUrl("redis://app:pw@cache"), {
      host: "cache",
      port: 6379,
      auth: ["AUTH", "app", "pw"],
    });
    assert.deepEqual(parseRedisUrl("redis://cache:7000").auth, []);
  });

  it("refuses a URL without repeating it, since it holds a password", () => {
    for (const url of ["hunter2", "http://:hunter2@redis:6379"]) {
      assert.throws(
        () => parseRedisUrl(url),
        (error: Error) =>
          !error.message.includes("hunter2") && error.message.includes("redis://:PASSWORD@HOST:PORT"),
      );
    }
  });

  it("is done when the server answers PONG after the password", async () => {
    const { server, port, received } = await answering(["+OK\r\n+PO", "NG\r\n"]);
    await pingRedis(`redis://:pw@127.0.0.1:${port}/0`, 2000);
    server.close();
    assert.equal(received.join(""), command("AUTH", "pw") + command("PING"));
  });

  it("rejects with the server's own words for a wrong password", async () => {
    const { server, port } = await answering(["-WRONGPASS invalid password\r\n"]);
    await assert.rejects(pingRedis(`redis://:pw@127.0.0.1:${port}`, 2000), {
      message: "WRONGPASS invalid password",
    });
    server.close();
  });

  it("rejects when something else than PONG comes", async () => {
    const { server, port } = await answering(["+HELLO\r\n"]);
    await assert.rejects(pingRedis(`redis://127.0.0.1:${port}`, 2000), {
      message: 'the server answered "HELLO", "PONG" is expected',
    });
    server.close();
  });

  it("gives up on a silent server after its time", async () => {
    const { server, port } = await answering([]);
    await assert.rejects(pingRedis(`redis://127.0.0.1:${port}`, 50), { message: "no answer within 50 ms" });
    server.close();
  });
});
