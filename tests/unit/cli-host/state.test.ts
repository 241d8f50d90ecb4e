import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { StackContext } from "../../../cli/context";
import { backendUrl, readBackend, requireSameBackend, storeBackend } from "../../../cli/state/backend";
import { explainAwsFailure } from "../../../cli/state/bucket";
import { awsSettings, nextSteps } from "../../../cli/state/prepare";
import {
  lifecycleRule,
  lifecycleWith,
  policyWith,
  rulesThatDelete,
  tlsOnlyStatement,
} from "../../../cli/state/standard";

describe("the backend of a stack's state", () => {
  let context: StackContext;

  beforeEach(() => {
    const home = mkdtempSync(join(tmpdir(), "conf-host-state-"));
    const folder = join(home, "stacks", "s");
    context = { stack: "s", home, folder, kind: "remote", configFile: join(folder, "x.yaml") };
  });
  afterEach(() => rmSync(context.home, { recursive: true }));

  it("is named as Pulumi takes it, on AWS and on an emulator", () => {
    assert.equal(backendUrl("b", "eu-west-1"), "s3://b?region=eu-west-1");
    assert.equal(
      backendUrl("b", "us-east-1", "http://127.0.0.1:4566/"),
      "s3://b?region=us-east-1&endpoint=http%3A%2F%2F127.0.0.1%3A4566&use_path_style=true",
    );
  });

  it("is remembered, and written only once", () => {
    assert.equal(readBackend(context), undefined);
    assert.equal(storeBackend(context, "s3://b?region=r"), true);
    assert.equal(storeBackend(context, "s3://b?region=r"), false);
    assert.equal(readBackend(context), "s3://b?region=r");
  });

  it("is not pointed away from where the state is", () => {
    storeBackend(context, "s3://old?region=r");
    requireSameBackend(context, "s3://old?region=r");
    assert.throws(
      () => requireSameBackend(context, "s3://new?region=r"),
      /^UserError: stack s has its state at s3:\/\/old\?region=r, not at s3:\/\/new\?region=r: move it there by pulumi stack export and import, then remove .*backend and run this again$/,
    );
    assert.equal(readBackend(context), "s3://old?region=r");
  });

  it("is followed by two lines to run, quoted for the shell", () => {
    assert.deepEqual(nextSteps("prod", "s3://b?region=r&x=y", false), [
      "export PULUMI_BACKEND_URL='s3://b?region=r&x=y'",
      "./fitnesscrm up --stack prod",
    ]);
    assert.match(
      nextSteps("s", "u", true)[0],
      /^export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test PULUMI_/,
    );
  });
});

describe("the policy of the state's bucket", () => {
  const ours = tlsOnlyStatement("b", "aws");

  it("refuses everything but TLS on the bucket and what is in it", () => {
    assert.deepEqual(ours, {
      Sid: "FitnessCrmTlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    });
  });

  it("is added beside other statements, which stay", () => {
    const other = { Sid: "Other", Effect: "Allow" };
    const added = policyWith(JSON.stringify({ Version: "2008-10-17", Id: "i", Statement: other }), ours);
    assert.deepEqual(JSON.parse(added ?? ""), { Version: "2008-10-17", Id: "i", Statement: [other, ours] });
    assert.equal(policyWith(added, ours), undefined);
  });

  it("is put right when it was loosened, and seen as right in another order", () => {
    const loose = policyWith(JSON.stringify({ Statement: [{ ...ours, Effect: "Allow" }] }), ours);
    assert.deepEqual((JSON.parse(loose ?? "") as { Statement: unknown }).Statement, [ours]);
    const turned = { ...ours, Resource: ["arn:aws:s3:::b/*", "arn:aws:s3:::b"] };
    assert.equal(policyWith(JSON.stringify({ Statement: [turned] }), ours), undefined);
  });
});

describe("the lifecycle of the state's bucket", () => {
  it("keeps old versions a year, ends broken uploads after a week, and never touches a current state", () => {
    assert.deepEqual(lifecycleRule(), {
      ID: "fitnesscrm-state",
      Status: "Enabled",
      Filter: { Prefix: "" },
      NoncurrentVersionExpiration: { NoncurrentDays: 365 },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    });
  });

  it("keeps the rules of others and has nothing to change a second time", () => {
    const id = fc.string({ minLength: 1 }).filter((text) => text !== "fitnesscrm-state");
    const rule = fc.record({ ID: id, Status: fc.constantFrom("Enabled" as const, "Disabled" as const) });
    fc.assert(
      fc.property(fc.array(rule), (others) => {
        const merged = lifecycleWith(others);
        assert.deepEqual(merged?.slice(0, -1), others);
        assert.equal(lifecycleWith(merged ?? []), undefined);
      }),
    );
  });

  it("is put right when it was shortened, and seen as right as S3 writes it", () => {
    const short = { ...lifecycleRule(), NoncurrentVersionExpiration: { NoncurrentDays: 1 } };
    assert.deepEqual(lifecycleWith([short]), [lifecycleRule()]);
    assert.equal(lifecycleWith([{ ...lifecycleRule(), Filter: {} }]), undefined);
  });

  it("names rules of others that delete states", () => {
    assert.deepEqual(
      rulesThatDelete([
        lifecycleRule(),
        { ID: "a", Status: "Enabled", Expiration: { Days: 30 } },
        { ID: "b", Status: "Disabled", Expiration: { Days: 30 } },
        { ID: "c", Status: "Enabled", NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
        { ID: "d", Status: "Enabled", NoncurrentVersionExpiration: { NoncurrentDays: 400 } },
        { ID: "e", Status: "Enabled", Expiration: { ExpiredObjectDeleteMarker: true } },
      ]),
      ["a", "c"],
    );
  });
});

describe("AWS settings for the state", () => {
  const settings = (aws: unknown) => awsSettings({ config: { "fitnesscrm:aws": aws } }, "F");

  it("are the region and the emulator, while others may still be open", () => {
    assert.deepEqual(settings({ region: "eu-west-1" }), { region: "eu-west-1" });
    assert.deepEqual(settings({ region: "us-east-1", emulator: { endpoint: "http://127.0.0.1:1" } }), {
      region: "us-east-1",
      endpoint: "http://127.0.0.1:1",
    });
  });

  for (const [aws, message] of [
    [undefined, "F: fitnesscrm:aws.region is not set: must be an AWS region such as us-east-1"],
    [{ region: "home" }, 'F: fitnesscrm:aws.region is "home": must be an AWS region such as us-east-1'],
    [
      { region: "us-east-1", emulator: { endpoint: "127.0.0.1" } },
      'F: fitnesscrm:aws.emulator.endpoint is "127.0.0.1": must be a URL such as http://127.0.0.1:4566',
    ],
  ] as const) {
    it(`are refused: ${JSON.stringify(aws)}`, () => {
      assert.throws(() => settings(aws), { message, exitCode: 2 });
    });
  }
});

describe("an AWS call that fails", () => {
  for (const [error, message] of [
    [
      { name: "CredentialsProviderError", message: "x" },
      /^no AWS credentials are found here: set AWS_PROFILE/,
    ],
    [{ name: "ExpiredTokenException", message: "x" }, /^the AWS credentials have expired: sign in again$/],
    [
      { name: "InvalidClientTokenId", message: "bad." },
      /^the AWS credentials are not accepted \(bad\): check/,
    ],
    [
      { name: "AccessDenied", message: "no s3:Put" },
      /^these AWS credentials are not allowed to \(no s3:Put\)/,
    ],
    [{ name: "AggregateError", message: "", code: "ECONNREFUSED" }, /^AWS does not answer \(ECONNREFUSED\)/],
    [{ name: "SlowDown", message: "less\nplease" }, /^SlowDown: less$/],
  ] as const) {
    it(`is explained: ${error.name}`, () => {
      assert.match(explainAwsFailure(error), message);
    });
  }
});
