import assert from "node:assert/strict";
import { awsProviderArgs } from "../../../components/aws";

const TAGS = { project: "fitnesscrm", stack: "unit" };

describe("AWS provider", () => {
  it("takes a real account by its usual credentials, and says nothing that would weaken a check", () => {
    assert.deepEqual(awsProviderArgs({ region: "eu-central-1" }, TAGS), {
      region: "eu-central-1",
      defaultTags: { tags: TAGS },
    });
  });

  it("takes the emulator for every service, with credentials that open nothing", () => {
    const endpoint = "http://127.0.0.1:4566";
    assert.deepEqual(awsProviderArgs({ region: "us-east-1", emulator: { endpoint } }, TAGS), {
      region: "us-east-1",
      defaultTags: { tags: TAGS },
      accessKey: "test",
      secretKey: "test",
      endpoints: [
        { s3: endpoint, iam: endpoint, sts: endpoint, sns: endpoint, ses: endpoint, cloudwatch: endpoint },
      ],
      s3UsePathStyle: true,
      skipCredentialsValidation: true,
      skipMetadataApiCheck: true,
      skipRequestingAccountId: true,
    });
  });
});
