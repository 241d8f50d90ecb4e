import { CloudWatch } from "@aws-sdk/client-cloudwatch";

export interface CloudWatchPlace {
  readonly region: string;
  /** Of an emulator; AWS's own when absent. */
  readonly endpoint?: string | undefined;
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
}

const CONNECT_MS = 3_000;
const ANSWER_MS = 8_000;

/**
 * A client for what is done every minute. By itself it would wait for an answer without end, and whoever asks by turns would never ask
 * again. To be destroyed by its user.
 */
export function cloudWatch(
  { region, endpoint, credentials }: CloudWatchPlace,
  answerMs = ANSWER_MS,
): CloudWatch {
  return new CloudWatch({
    region,
    ...(endpoint !== undefined && { endpoint }),
    credentials,
    maxAttempts: 2,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: answerMs, throwOnRequestTimeout: true },
  });
}
