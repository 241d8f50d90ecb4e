import { S3 } from "@aws-sdk/client-s3";
import { STS } from "@aws-sdk/client-sts";
import { readSettings, stackContext } from "../context";
import { UserError } from "../errors";
import { takeLock } from "../lock";
import { inStep, progressReporter } from "../session";
import type { StackFile } from "../stackFile";
import { backendFile, backendUrl, requireSameBackend, storeBackend } from "./backend";
import { type BucketPlace, explainAwsFailure, type PropertyReport, StateBucket } from "./bucket";

export interface PrepareOptions {
  readonly stack: string;
  readonly bucket?: string;
  readonly json?: boolean;
}

/** What `state prepare --json` prints. */
export interface PrepareResult {
  readonly bucket: string;
  readonly account: string;
  readonly region: string;
  readonly backendUrl: string;
  readonly changed: boolean;
  readonly properties: readonly PropertyReport[];
  readonly warnings: readonly string[];
}

interface AwsSettings {
  readonly region: string;
  readonly endpoint?: string;
}

/** What every emulator takes; no secret. */
const EMULATOR_KEY = "test";

/**
 * Makes the bucket for a stack's state, or brings it to the standard, and remembers it for the launcher.
 *
 * @throws UserError in one line that says what to do.
 */
export async function prepareState(options: PrepareOptions): Promise<void> {
  const context = stackContext(options.stack);
  const settings = awsSettings(readSettings(context), context.configFile);
  if (options.bucket !== undefined && !/^[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$/.test(options.bucket)) {
    throw new UserError(
      `--bucket ${JSON.stringify(options.bucket)}: must be 3 to 63 of a-z, 0-9, dot and dash, a letter or digit at both ends`,
      2,
    );
  }
  // Its notice about coming Node versions is for developers.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const client = {
    region: settings.region,
    ...(settings.endpoint !== undefined && {
      endpoint: settings.endpoint,
      credentials: { accessKeyId: EMULATOR_KEY, secretAccessKey: EMULATOR_KEY },
    }),
  };
  const release = await takeLock(context.folder, `state prepare --stack ${options.stack}`);
  const sts = new STS(client);
  const s3 = new S3({ ...client, forcePathStyle: settings.endpoint !== undefined });
  const reporter = progressReporter();
  try {
    const identity = await inStep(
      reporter,
      "AWS account",
      () => whoAmI(sts),
      ({ account }) => account,
    );
    const bucket = options.bucket ?? `fitnesscrm-${options.stack}-state-${identity.account}`;
    const place: BucketPlace = { bucket, region: settings.region, ...identity };
    const url = backendUrl(bucket, settings.region, settings.endpoint);
    requireSameBackend(context, url);
    const { reports, warnings } = await inStep(reporter, "state bucket", (detail) =>
      new StateBucket(s3, place).prepare(({ name }) => detail(name)),
    );
    reports.push({
      name: "launcher",
      status: storeBackend(context, url) ? "changed" : "unchanged",
      what: `finds it in ${backendFile(context)}`,
    });
    show({
      options,
      settings,
      result: {
        bucket,
        account: identity.account,
        region: settings.region,
        backendUrl: url,
        changed: reports.some(({ status }) => status === "changed"),
        properties: reports,
        warnings,
      },
    });
  } finally {
    s3.destroy();
    sts.destroy();
    await release();
  }
}

/** Only the stack's region and emulator are read: its other settings may still be open. */
export function awsSettings(file: StackFile, where: string): AwsSettings {
  const aws = (file.config?.["fitnesscrm:aws"] ?? {}) as {
    region?: unknown;
    emulator?: { endpoint?: unknown };
  };
  const { region } = aws;
  if (typeof region !== "string" || !/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    throw new UserError(
      `${where}: fitnesscrm:aws.region ${region === undefined ? "is not set" : `is ${JSON.stringify(region)}`}: must be an AWS region such as us-east-1`,
      2,
    );
  }
  const endpoint = aws.emulator?.endpoint;
  if (endpoint === undefined) {
    return { region };
  }
  if (typeof endpoint !== "string" || !/^https?:\/\/[^/?#]+\/?$/.test(endpoint)) {
    throw new UserError(
      `${where}: fitnesscrm:aws.emulator.endpoint is ${JSON.stringify(endpoint)}: must be a URL such as http://127.0.0.1:4566`,
      2,
    );
  }
  return { region, endpoint };
}

async function whoAmI(sts: STS): Promise<{ account: string; partition: string }> {
  try {
    const { Account: account, Arn: arn } = await sts.getCallerIdentity({});
    if (account === undefined || arn === undefined) {
      throw new UserError("AWS does not say which account these credentials belong to");
    }
    return { account, partition: arn.split(":")[1] ?? "aws" };
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(`AWS account: ${explainAwsFailure(error)}`);
  }
}

function show({
  options,
  settings,
  result,
}: {
  options: PrepareOptions;
  settings: AwsSettings;
  result: PrepareResult;
}): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const lines = [
    ...result.properties.map(({ name, status, what }) => `${name}: ${status}: ${what}`),
    ...result.warnings.map((warning) => `warning: ${warning}`),
    "",
    ...nextSteps(options.stack, result.backendUrl, settings.endpoint !== undefined),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** The two lines that an operator runs next. */
export function nextSteps(stack: string, url: string, emulated: boolean): [string, string] {
  const keys = emulated ? `AWS_ACCESS_KEY_ID=${EMULATOR_KEY} AWS_SECRET_ACCESS_KEY=${EMULATOR_KEY} ` : "";
  return [`export ${keys}PULUMI_BACKEND_URL='${url}'`, `./fitnesscrm up --stack ${stack}`];
}
