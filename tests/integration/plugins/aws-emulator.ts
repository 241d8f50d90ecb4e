/** The AWS emulator that the conformance suites of the `aws` plugin talk to, and clients that look behind the engine. */
import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { IAM } from "@aws-sdk/client-iam";
import { S3 } from "@aws-sdk/client-s3";
import { SES } from "@aws-sdk/client-ses";
import { SNS } from "@aws-sdk/client-sns";

/** The image by the names under which it may have been built from `images/aws-emulator`. */
const IMAGES = ["fitnesscrm-aws-emulator:4.14.0", "fitnesscrm/aws-emulator:4.14.0"];
const READY_WITHIN_MS = 90_000;
const run = promisify(execFile);

let endpoint = process.env.CONFORMANCE_AWS_ENDPOINT;
let container: string | undefined;

/** The image that is there; fails when none is. */
export async function emulatorImage(): Promise<string> {
  for (const image of IMAGES) {
    const found = await run("docker", ["image", "inspect", image]).catch(() => undefined);
    if (found !== undefined) return image;
  }
  throw new Error(`no emulator image (${IMAGES.join(" or ")}); build it from images/aws-emulator`);
}

/** Starts an emulator of the suites' own, unless CONFORMANCE_AWS_ENDPOINT names one. */
export async function startEmulator(): Promise<void> {
  if (endpoint === undefined) {
    const started = await run("docker", [
      "run",
      "--detach",
      "--publish",
      "127.0.0.1::4566",
      await emulatorImage(),
    ]);
    container = started.stdout.trim();
    const { stdout } = await run("docker", ["port", container, "4566/tcp"]);
    endpoint = `http://${stdout.trim().split("\n")[0]}`;
  }
  await emulatorIsReady(endpoint);
}

/** Waits until an emulator answers; fails after 90 s. */
export async function emulatorIsReady(url: string): Promise<void> {
  const end = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const answer = await fetch(`${url}/_localstack/health`, { signal: AbortSignal.timeout(2000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    if (Date.now() > end) throw new Error(`the emulator at ${url} is not ready after ${READY_WITHIN_MS} ms`);
    await delay(250);
  }
}

/** Removes the container that {@link startEmulator} started. */
export async function stopEmulator(): Promise<void> {
  if (container === undefined) return;
  await run("docker", ["rm", "--force", "--volumes", container]);
  container = undefined;
  endpoint = undefined;
}

export function emulatorEndpoint(): string {
  if (endpoint === undefined) throw new Error("startEmulator was not called");
  return endpoint;
}

/** Provider configuration; its endpoint is read when the engine starts, after the emulator did. */
export const awsConfig = {
  "aws:region": "us-east-1",
  "aws:accessKey": "conformance",
  "aws:secretKey": "conformance-key",
  "aws:s3UsePathStyle": "true",
  "aws:skipCredentialsValidation": "true",
  "aws:skipMetadataApiCheck": "true",
  "aws:skipRequestingAccountId": "true",
  "aws:defaultTags": JSON.stringify({ tags: { project: "conformance" } }),
  get "aws:endpoints"(): string {
    const url = emulatorEndpoint();
    return JSON.stringify([
      { s3: url, iam: url },
      { sns: url, ses: url, cloudwatch: url, sts: url },
    ]);
  },
};

function options() {
  return {
    endpoint: emulatorEndpoint(),
    region: "us-east-1",
    credentials: { accessKeyId: "conformance", secretAccessKey: "conformance-key" },
  };
}

export const s3 = (): S3 => new S3({ ...options(), forcePathStyle: true });
export const iam = (): IAM => new IAM(options());
export const ses = (): SES => new SES(options());
export const sns = (): SNS => new SNS(options());
export const cloudwatch = (): CloudWatch => new CloudWatch(options());

/** Calls an action of SQS, for which the project has no client. */
async function callSqs(parameters: Record<string, string>): Promise<string> {
  const query = new URLSearchParams({ ...parameters, Version: "2012-11-05" });
  const answer = await fetch(`${emulatorEndpoint()}/?${query}`, {
    headers: {
      authorization: "AWS4-HMAC-SHA256 Credential=conformance/20260101/us-east-1/sqs/aws4_request",
    },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${parameters.Action}: ${answer.status} ${text}`);
  return text;
}

export async function createQueue(name: string): Promise<string> {
  await callSqs({ Action: "CreateQueue", QueueName: name });
  return `arn:aws:sqs:us-east-1:000000000000:${name}`;
}

/** Takes what lies in a queue, each message as it was published; nothing when nothing comes within a second. */
export async function takeMessages(queueArn: string): Promise<string[]> {
  const QueueUrl = `${emulatorEndpoint()}/000000000000/${queueArn.split(":").at(-1)}`;
  const xml = await callSqs({
    Action: "ReceiveMessage",
    QueueUrl,
    MaxNumberOfMessages: "10",
    WaitTimeSeconds: "1",
    VisibilityTimeout: "600",
  });
  return [...xml.matchAll(/<Body>([^<]*)<\/Body>/g)].map(([, body = ""]) =>
    body.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
  );
}

/** What the emulator has sent by mail: to whom, and the text. */
export async function sentMails(): Promise<{ to: string; text: string }[]> {
  const answer = await fetch(`${emulatorEndpoint()}/_aws/ses`);
  const { messages = [] } = (await answer.json()) as {
    messages?: { Destination?: { ToAddresses?: string[] }; Body?: { text_part?: string } }[];
  };
  return messages.map(({ Destination, Body }) => ({
    to: Destination?.ToAddresses?.[0] ?? "",
    text: Body?.text_part ?? "",
  }));
}
