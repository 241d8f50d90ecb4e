import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SNS } from "@aws-sdk/client-sns";
import { DockerHost } from "../../../cli/docker";
import {
  ensureLocalEnvironment,
  helperName,
  removeLocalEnvironment,
  stopMailbox,
} from "../../../cli/local/environment";
import { Mailer } from "../../../ops/mail/mailer";
import { waitFor } from "../../e2e/support/wait";

const STACK = `relay-${randomBytes(3).toString("hex")}`;
const PORTS = { awsPort: 24983, mailboxPort: 28383 };

interface Mail {
  Subject: string;
  To: { Address: string }[];
  ID: string;
}

describe("the mail of a local stack", function () {
  this.timeout(240_000);
  const docker = new DockerHost("");
  const sns = new SNS({
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${PORTS.awsPort}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  let topic: string;

  before(async () => {
    await ensureLocalEnvironment(docker, STACK, PORTS);
    topic = (await sns.createTopic({ Name: "pages" })).TopicArn ?? "";
    await sns.subscribe({ TopicArn: topic, Protocol: "email", Endpoint: "ada@example.com" });
  });
  after(() => removeLocalEnvironment(docker, STACK));

  const container = (verb: "start" | "stop" | "restart" | "kill", role: "aws" | "mailbox" | "relay") =>
    docker.runChecked(role, ["container", verb, helperName(STACK, role)]);
  const publish = (Message: string, Subject?: string) => sns.publish({ TopicArn: topic, Message, Subject });

  async function mails(text: string): Promise<Mail[]> {
    const query = encodeURIComponent(`"${text}"`);
    const answer = await fetch(
      `http://127.0.0.1:${PORTS.mailboxPort}/api/v1/search?query=${query}&limit=200`,
    );
    return ((await answer.json()) as { messages: Mail[] }).messages;
  }

  async function listed(): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${PORTS.awsPort}/_aws/ses`);
    return ((await answer.json()) as { messages: unknown[] }).messages.length;
  }

  /** Everything was carried, and each once: the emulator lists nothing any more. */
  async function carriedOnce(texts: readonly string[]): Promise<void> {
    await waitFor("the emulator's list to be empty", async () => (await listed()) === 0, 30);
    for (const text of texts) {
      const found = await waitFor(`mail ${text}`, async () => {
        const arrived = await mails(text);
        return arrived.length > 0 && arrived;
      });
      assert.deepEqual(
        found.map(({ To }) => To.map(({ Address }) => Address)),
        [["ada@example.com"]],
        text,
      );
    }
  }

  it("of ops has its text and its HTML, and whoever it is from", async () => {
    const mailer = new Mailer({
      from: "crm@example.com",
      name: "FitnessCRM relay",
      region: "us-east-1",
      endpoint: `http://127.0.0.1:${PORTS.awsPort}`,
      credentials: async () => ({ accessKeyId: "test", secretAccessKey: "test" }),
    });
    await mailer.send({
      to: ["ada@example.com", "ben@example.com"],
      subject: "Größe – ✓",
      text: "raw message one: Größe ü\n",
      html: "<p>raw message one: Größe <b>ü</b> &lt;script&gt;</p>",
    });
    await waitFor("the emulator's list to be empty", async () => (await listed()) === 0, 30);
    const [found] = await waitFor("the mail", async () => {
      const arrived = await mails("raw message one");
      return arrived.length > 0 && arrived;
    });
    assert.equal(found?.Subject, "Größe – ✓");
    const answer = await fetch(`http://127.0.0.1:${PORTS.mailboxPort}/api/v1/message/${found?.ID}`);
    const read = (await answer.json()) as {
      From: object;
      To: { Address: string }[];
      Text: string;
      HTML: string;
    };
    assert.deepEqual(read.From, { Name: "FitnessCRM relay", Address: "crm@example.com" });
    assert.deepEqual(
      read.To.map(({ Address }) => Address),
      ["ada@example.com", "ben@example.com"],
    );
    assert.equal(read.Text.trim(), "raw message one: Größe ü");
    assert.match(read.HTML, /<p>raw message one: Größe <b>ü<\/b> &lt;script&gt;<\/p>/);
  });

  it("arrives once", async () => {
    await publish("plain message one");
    await carriedOnce(["plain message one"]);
  });

  it("tells of an alarm as AWS's own mail does, with the message itself below", async () => {
    const message = {
      AlarmName: "fitnesscrm-unit-cpu",
      AlarmDescription: "P3 CPU Usage above 80% on unit (M22). Investigate high-load processes.",
      AlarmArn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:fitnesscrm-unit-cpu",
      OldStateValue: "OK",
      NewStateValue: "ALARM",
      NewStateReason: "Threshold Crossed",
      StateChangeTime: "2026-11-26T11:13:54.350Z",
      Trigger: { MetricName: "cpu_used_percent", Dimensions: [{ name: "Stack", value: "unit" }] },
    };
    await publish(JSON.stringify(message));
    const [mail] = await waitFor("the page", async () => {
      const found = await mails("fitnesscrm-unit-cpu");
      return found.length > 0 && found;
    });
    assert.equal(mail?.Subject, 'ALARM: "fitnesscrm-unit-cpu" in US East (N. Virginia)');
    const answer = await fetch(`http://127.0.0.1:${PORTS.mailboxPort}/api/v1/message/${mail?.ID}`);
    const { Text } = (await answer.json()) as { Text: string };
    assert.match(Text, /entered the ALARM state, because "Threshold Crossed" at "2026-11-26T11:13:54/);
    assert.match(Text, /- Description: +P3 CPU Usage above 80%/);
    assert.match(Text, /- State Change: +OK -> ALARM/);
    assert.deepEqual(JSON.parse(Text.slice(Text.indexOf("{"))), message);
  });

  it("waits while the mailbox is away", async () => {
    await container("stop", "mailbox");
    await publish("sent while the mailbox was away");
    await waitFor("the relay to say so", async () => /relay: mail waits: the mailbox/.test(await logs()), 20);
    await waitFor("the emulator to list it", async () => (await listed()) === 1, 20);
    await container("start", "mailbox");
    await carriedOnce(["sent while the mailbox was away"]);
    await waitFor("the end to be told", async () => /handed over again/.test(await logs()), 20);
  });

  it("goes on when the emulator was away", async () => {
    await container("stop", "aws");
    await waitFor(
      "the relay to say so",
      async () => /relay: mail waits: the emulator/.test(await logs()),
      20,
    );
    await container("start", "aws");
    // Topic and subscription are remembered by the emulator.
    await waitFor("the emulator", async () => publish("sent after the emulator was away"), 90);
    await carriedOnce(["sent after the emulator was away"]);
  });

  it("is neither lost nor doubled when the relay is killed again and again", async () => {
    const texts = Array.from(
      { length: 30 },
      (_, index) => `burst number ${String(index).padStart(3, "0")} end`,
    );
    const sending = (async () => {
      for (const text of texts) {
        await publish(text);
      }
    })();
    for (let kills = 0; kills < 6; kills++) {
      await container("kill", "relay");
      await container("start", "relay");
    }
    await sending;
    await carriedOnce(texts);
  });

  it("stops with the mailbox and comes back with it, and the emulator stays the one that it was", async () => {
    const before = await docker.runChecked("aws", [
      "inspect",
      "--format",
      "{{.Id}}",
      helperName(STACK, "aws"),
    ]);
    await stopMailbox(docker, STACK);
    const running = await docker.runChecked("containers", [
      ...["container", "ls", "--format", "{{.Names}}", "--filter", `label=fitnesscrm.stack=${STACK}`],
    ]);
    assert.deepEqual(running.trim().split("\n"), [helperName(STACK, "aws")]);
    await publish("sent while the stack was down");
    await ensureLocalEnvironment(docker, STACK, PORTS);
    await carriedOnce(["sent while the stack was down"]);
    assert.equal(
      await docker.runChecked("aws", ["inspect", "--format", "{{.Id}}", helperName(STACK, "aws")]),
      before,
    );
  });

  it("leaves no container behind", async () => {
    await removeLocalEnvironment(docker, STACK);
    const left = await docker.runChecked("containers", [
      ...["container", "ls", "--all", "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`],
    ]);
    assert.equal(left.trim(), "");
  });

  async function logs(): Promise<string> {
    const { stdout, stderr } = await docker.run(["container", "logs", helperName(STACK, "relay")]);
    return stdout + stderr;
  }
});
