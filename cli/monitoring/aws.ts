import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { SNS } from "@aws-sdk/client-sns";
import type { Config } from "../../config";
import { UserError } from "../errors";

/** How long AWS may take to answer one question. An operator waits for it. */
const LIMITS = {
  maxAttempts: 2,
  // By itself the client says after that time that it goes on waiting.
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 8_000, throwOnRequestTimeout: true },
} as const;

export interface AwsClients {
  cloudwatch: CloudWatch;
  sns: SNS;
}

/** The stack's AWS: its emulator, which takes any credentials, or the account of whoever runs the command. */
export function awsClients({ region, emulator }: Config["aws"]): AwsClients {
  // Its notice about coming Node versions is for developers.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const options = {
    ...LIMITS,
    region,
    ...(emulator !== undefined && {
      endpoint: emulator.endpoint,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    }),
  };
  return { cloudwatch: new CloudWatch(options), sns: new SNS(options) };
}

export async function tagsOf(cloudwatch: CloudWatch, arn: string): Promise<Record<string, string>> {
  const { Tags = [] } = await cloudwatch.listTagsForResource({ ResourceARN: arn });
  return Object.fromEntries(Tags.map(({ Key = "", Value = "" }) => [Key, Value]));
}

/** Alarm names in the portions that AWS takes in one call. */
export function portions(names: readonly string[]): string[][] {
  const size = 100;
  return Array.from({ length: Math.ceil(names.length / size) }, (_, index) =>
    names.slice(index * size, (index + 1) * size),
  );
}

/** Why AWS did not do what it was asked for, in one line. */
export function awsReason(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { code, name } = error as NodeJS.ErrnoException;
  if (error instanceof AggregateError || code !== undefined || name === "TimeoutError") {
    return `AWS does not answer (${code ?? name})`;
  }
  if (name === "CredentialsProviderError") {
    return "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  }
  return `AWS says ${name}: ${(error.message.split("\n")[0] ?? "").trim()}`;
}

/** Names what was tried in the error. */
export async function fromAws<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(`${what}: ${awsReason(error)}`);
  }
}
