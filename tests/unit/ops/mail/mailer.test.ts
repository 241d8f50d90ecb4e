import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { type Mail, Mailer, openMailer } from "../../../../ops/mail/mailer";

const MAIL: Mail = {
  to: ["ada@example.com", "ben@example.com"],
  subject: "Größe der Tabellen – ✓",
  text: "Zeile eins\nZeile zwei: 3 GiB ü\n",
  html: "<p>Größe &lt;b&gt;</p>",
};

/** A stand-in for SES that answers by a script and keeps what it was asked. */
class FakeSes {
  readonly asked: URLSearchParams[] = [];
  #server: Server | undefined;

  constructor(private readonly answers: ((action: string) => [status: number, body: string] | undefined)[]) {}

  async start(): Promise<string> {
    this.#server = createServer(async (request, response) => {
      const parameters = new URLSearchParams(await text(request));
      this.asked.push(parameters);
      const action = String(parameters.get("Action"));
      const answer = this.answers[Math.min(this.asked.length, this.answers.length) - 1]?.(action);
      if (answer === undefined) {
        return;
      }
      response.writeHead(answer[0], { "content-type": "text/xml" }).end(answer[1]);
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

const taken = (action: string): [number, string] => [
  200,
  `<${action}Response><${action}Result><MessageId>m1</MessageId></${action}Result></${action}Response>`,
];
const refused = (): [number, string] => [
  400,
  "<ErrorResponse><Error><Type>Sender</Type><Code>MessageRejected</Code><Message>Did not have authority to send from crm@example.com</Message></Error></ErrorResponse>",
];

const mailerAt = (endpoint: string | undefined): Mailer =>
  new Mailer({
    from: "crm@example.com",
    name: "FitnessCRM unit",
    region: "us-east-1",
    endpoint,
    credentials: async () => ({ accessKeyId: "id", secretAccessKey: "planted-mail-key" }),
  });

describe("mail to people", () => {
  let ses: FakeSes | undefined;
  afterEach(() => ses?.stop());

  const answering = async (...answers: ConstructorParameters<typeof FakeSes>[0]): Promise<Mailer> => {
    ses = new FakeSes(answers);
    return mailerAt(await ses.start());
  };

  it("has text and HTML as two forms of one message, all of it ASCII", async () => {
    const raw = (await mailerAt(undefined).compose(MAIL)).toString("latin1");
    assert.match(raw, /^[\x00-\x7f]+$/);
    assert.match(raw, /^From: FitnessCRM unit <crm@example\.com>\r$/m);
    assert.match(raw, /^To: ada@example\.com, ben@example\.com\r$/m);
    assert.match(raw, /^Subject: =\?UTF-8\?/m);
    assert.match(raw, /^Auto-Submitted: auto-generated\r$/m);
    assert.match(raw, /^Content-Type: multipart\/alternative;/m);
    const order = [raw.indexOf("text/plain; charset=utf-8"), raw.indexOf("text/html; charset=utf-8")];
    assert.ok(
      (order[0] ?? 0) > 0 && (order[0] ?? 0) < (order[1] ?? 0),
      "the last form is the one that is shown",
    );
    assert.match(raw, /3 GiB =C3=BC/);
  });

  it("lets no subject add a header", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (start) => {
        const subject = `${start}\r\nBcc: eve@example.com`;
        const raw = (await mailerAt(undefined).compose({ ...MAIL, subject })).toString();
        assert.doesNotMatch(raw, /^Bcc:/im);
      }),
      { numRuns: 30 },
    );
  });

  it("is handed over once, with sender and recipients", async () => {
    const mailer = await answering(taken);
    await mailer.send(MAIL);
    assert.equal(ses?.asked.length, 1);
    const [asked] = ses?.asked ?? [];
    assert.equal(asked?.get("Action"), "SendRawEmail");
    assert.equal(asked?.get("Source"), "crm@example.com");
    assert.equal(asked?.get("Destinations.member.1"), "ada@example.com");
    assert.equal(asked?.get("Destinations.member.2"), "ben@example.com");
    assert.match(Buffer.from(String(asked?.get("RawMessage.Data")), "base64").toString(), /^From: /m);
  });

  it("goes through an emulator that has forgotten the sender", async () => {
    const mailer = await answering(refused, taken, taken);
    await mailer.send(MAIL);
    assert.deepEqual(
      ses?.asked.map((one) => one.get("Action")),
      ["SendRawEmail", "VerifyEmailIdentity", "SendRawEmail"],
    );
  });

  it("that is refused says to whom and why in one line, and shows no key", async () => {
    const mailer = await answering(refused, taken, refused);
    await assert.rejects(mailer.send(MAIL), ({ message }: Error) => {
      assert.equal(
        message,
        "the mail to ada@example.com, ben@example.com is not sent: Did not have authority to send from crm@example.com",
      );
      return true;
    });
  });

  it("without a server to talk to fails with the reason", async () => {
    const mailer = mailerAt("http://127.0.0.1:9");
    await assert.rejects(
      mailer.send(MAIL),
      /^Error: the mail to ada@example\.com, .* is not sent: .*ECONNREFUSED/,
    );
  });

  it("is given up when its run ends", async () => {
    const mailer = await answering(() => undefined);
    const stop = new AbortController();
    const sending = mailer.send(MAIL, stop.signal);
    setTimeout(() => stop.abort(new Error("ended by SIGTERM")), 50);
    await assert.rejects(sending, /is not sent: ended by SIGTERM$/);
  });

  it("needs a recipient", async () => {
    await assert.rejects(mailerAt(undefined).send({ ...MAIL, to: [] }), /is not sent: it has no recipient$/);
  });
});

describe("the container's mail", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mail-"));
  });
  after(() => rm(folder, { recursive: true }));
  const settings = { stack: "unit", region: "us-east-1" };

  it("comes from the address of its settings, under the stack's name", async () => {
    await writeFile(join(folder, "mail.json"), JSON.stringify({ from: "crm@example.com" }));
    const mailer = await openMailer(settings, { files: folder, secrets: folder });
    assert.match((await mailer.compose(MAIL)).toString(), /^From: FitnessCRM unit <crm@example\.com>\r$/m);
  });

  for (const [what, content, reason] of [
    ["is no JSON", "{", /mail\.json is not JSON/],
    ["names no address", '{"from":"nobody"}', /mail\.json is not valid: from: /],
    ["has more to say", '{"from":"a@example.com","bcc":"b@example.com"}', /mail\.json is not valid: /],
  ] as const) {
    it(`is refused where the file ${what}`, async () => {
      await writeFile(join(folder, "mail.json"), content);
      await assert.rejects(openMailer(settings, { files: folder, secrets: folder }), reason);
    });
  }

  it("is refused where the file is missing", async () => {
    await assert.rejects(
      openMailer(settings, { files: join(folder, "none"), secrets: folder }),
      /the mail settings .* cannot be read \(ENOENT\)/,
    );
  });
});
