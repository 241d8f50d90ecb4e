/**
 * The `aws` provider plugin for machines that reach package registries only: the resource types that this project
 * declares, against an emulator. It never talks to AWS itself.
 */

import type { Plugin } from "../lib/types";
import { Aws, reasonOf } from "./clients";
import { cloudwatchResources } from "./cloudwatch";
import { checkConfig, JSON_CONFIG, parseConfig } from "./config";
import { functions } from "./functions";
import { iamResources } from "./iam";
import { Session } from "./resource";
import { bucket } from "./s3";
import { bucketLifecycleConfiguration } from "./s3-lifecycle";
import { s3Settings } from "./s3-settings";
import { sesResources } from "./ses";
import { snsResources } from "./sns";

const session = new Session();

export const awsPlugin: Plugin<Aws> = {
  name: "aws",
  version: "7.48.0",
  secretConfig: ["accessKey", "secretKey", "token"],
  jsonConfig: JSON_CONFIG,
  checkConfig,
  async configure(config) {
    const settings = parseConfig(config);
    session.region = settings.region;
    session.defaultTags = settings.defaultTags;
    const aws = new Aws(settings);
    if (!settings.skipCredentialsValidation && settings.endpoints.sts !== undefined) {
      try {
        await aws.sts().getCallerIdentity({});
      } catch (error) {
        throw new Error(
          `the credentials for ${settings.endpoints.sts} cannot be checked: ${reasonOf(error)}`,
        );
      }
    }
    return aws;
  },
  resources: [
    bucket(session),
    ...s3Settings(session),
    bucketLifecycleConfiguration(session),
    ...iamResources(session),
    ...sesResources(session),
    ...snsResources(session),
    ...cloudwatchResources(session),
  ],
  functions,
  async close(aws) {
    aws.close();
  },
};
