import type * as aws from "@pulumi/aws";
import type { Config } from "../config";

/** AWS services that the project uses; an emulator must stand in for each of them. */
const SERVICES = ["s3", "iam", "sts", "sns", "ses", "cloudwatch"] as const;

/**
 * Provider arguments: a real account by the usual chain of credentials, or the emulator, which takes any credentials and
 * knows no metadata service.
 */
export function awsProviderArgs(config: Config["aws"], tags: Record<string, string>): aws.ProviderArgs {
  const common: aws.ProviderArgs = {
    region: config.region as aws.Region,
    defaultTags: { tags },
  };
  if (config.emulator === undefined) {
    return common;
  }
  const { endpoint } = config.emulator;
  return {
    ...common,
    accessKey: "test",
    secretKey: "test",
    endpoints: [Object.fromEntries(SERVICES.map((service) => [service, endpoint]))],
    s3UsePathStyle: true,
    skipCredentialsValidation: true,
    skipMetadataApiCheck: true,
    skipRequestingAccountId: true,
  };
}
