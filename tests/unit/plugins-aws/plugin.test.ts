import assert from "node:assert/strict";
import { Aws, reasonOf } from "../../../plugins/aws/clients";
import { checkConfig, parseConfig } from "../../../plugins/aws/config";
import { smtpPassword } from "../../../plugins/aws/iam";
import { awsPlugin } from "../../../plugins/aws/plugin";
import { inWriteOrder, waitsForConfirmation } from "../../../plugins/aws/sns";
import { type Props, UNKNOWN } from "../../../plugins/lib/types";

const LOCAL = "http://127.0.0.1:4566";
const CONFIG = {
  region: "us-east-1",
  accessKey: "any",
  secretKey: "any-key",
  endpoints: [{ s3: LOCAL }],
  skipCredentialsValidation: true,
};
const reasons = (config: Props): string[] =>
  checkConfig({ ...CONFIG, ...config }).map(({ reason }) => reason);

describe("the aws plugin's configuration", () => {
  it("accepts an emulator's", () => assert.deepEqual(reasons({}), []));

  it("refuses to run without an endpoint, in one line that says what to do", () => {
    for (const endpoints of [undefined, [], [{}], [{ lambda: LOCAL }]]) {
      const [reason, ...rest] = reasons({ endpoints });
      assert.equal(rest.length, 0);
      assert.match(
        String(reason),
        /^no endpoint is set; this plugin only talks to an emulator: .* or install the official plugin for an AWS account$/,
      );
      assert.ok(!reason?.includes("\n"));
    }
  });

  it("refuses an endpoint that is AWS itself or no URL", () => {
    for (const host of [
      "s3.amazonaws.com",
      "sns.eu-central-1.amazonaws.com",
      "s3.cn-north-1.amazonaws.com.cn",
      "s3.us-east-1.api.aws",
    ]) {
      assert.match(
        String(reasons({ endpoints: [{ s3: `https://${host}` }] })[0]),
        /is AWS itself; this plugin only/,
      );
    }
    assert.match(String(reasons({ endpoints: [{ s3: "localhost" }] })[0]), /"localhost", which is not a URL/);
    assert.deepEqual(reasons({ endpoints: [{ s3: "http://amazonaws.com.example:1" }] }), []);
  });

  it("refuses what needs an account, and credentials that it would have to look for", () => {
    assert.match(String(reasons({ profile: "prod" })[0]), /aws:profile needs an AWS account/);
    assert.match(String(reasons({ assumeRoles: [{ roleArn: "x" }] })[0]), /aws:assumeRoles needs/);
    assert.match(String(reasons({ accessKey: undefined })[0]), /aws:accessKey is not set/);
    assert.match(String(reasons({ region: "" })[0]), /aws:region is not set/);
  });

  it("says nothing about what is not known yet", () => {
    assert.deepEqual(
      reasons({ endpoints: UNKNOWN, region: UNKNOWN, accessKey: UNKNOWN, secretKey: UNKNOWN }),
      [],
    );
  });

  it("refuses the service that has no endpoint, by its name", () => {
    const client = new Aws(parseConfig(CONFIG));
    client.s3();
    assert.throws(
      () => client.iam(),
      /^Error: no endpoint is set for iam; this plugin only talks to an emulator/,
    );
    client.close();
  });

  it("joins the maps of endpoints and takes s3api for s3", () => {
    const { endpoints } = parseConfig({
      ...CONFIG,
      endpoints: [{ s3api: LOCAL, sns: LOCAL }, { iam: LOCAL }],
    });
    assert.deepEqual(endpoints, { s3: LOCAL, sns: LOCAL, iam: LOCAL });
  });

  it("names an emulator that does not answer", () => {
    const refused = Object.assign(
      new AggregateError([Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })]),
      { code: "ECONNREFUSED" },
    );
    assert.match(reasonOf(refused), /^the emulator does not answer \(connect ECONNREFUSED\)/);
  });
});

function check(type: string, inputs: Props, olds?: Props) {
  const handler = awsPlugin.resources.find(({ token }) => token.endsWith(`:${type}`));
  assert.ok(handler?.check, `no handler for ${type}`);
  const urn = `urn:pulumi:dev::app::${handler.token}::Some`;
  const result = handler.check(inputs, olds, urn);
  return { inputs: result.inputs, failures: result.failures.map(({ reason }) => reason) };
}

describe("the aws plugin's checks", () => {
  before(async () => {
    await awsPlugin.configure({ ...CONFIG, defaultTags: { tags: { project: "app", kind: "default" } } });
  });

  it("fills in region, defaults and the provider's tags", () => {
    assert.deepEqual(check("User", { name: "u", tags: { kind: "own" } }).inputs, {
      name: "u",
      forceDestroy: false,
      path: "/",
      tags: { kind: "own" },
      tagsAll: { project: "app", kind: "own" },
    });
    const { inputs } = check("Topic", { name: "t", region: "eu-west-1" });
    assert.equal(inputs.region, "eu-west-1");
    assert.equal(check("Topic", { name: "t" }).inputs.region, "us-east-1");
    assert.equal(check("Bucket", { bucket: "b-b", tags: UNKNOWN }).inputs.tagsAll, UNKNOWN);
  });

  it("lowers a bucket's automatic name and refuses one that S3 does not allow", () => {
    assert.equal(check("Bucket", { bucket: "Some-1234567" }).inputs.bucket, "some-1234567");
    assert.match(
      String(check("Bucket", { bucket: "Not_Allowed" }).failures[0]),
      /bucket is "Not_Allowed"; .* 3 to 63/,
    );
  });

  it("refuses what another resource type is for", () => {
    const { failures } = check("Bucket", { bucket: "abc", versioning: { enabled: true } });
    assert.deepEqual(failures, ["versioning is not known to this plugin; use aws.s3.BucketVersioning"]);
  });

  it("ends a FIFO topic's automatic name in .fifo and keeps it", () => {
    const { inputs, failures } = check("Topic", { name: "Some-1234567", fifoTopic: true });
    assert.equal(inputs.name, "Some-1234567.fifo");
    assert.deepEqual(failures, []);
    assert.equal(check("Topic", { name: inputs.name, fifoTopic: true }, inputs).inputs.name, inputs.name);
    assert.match(String(check("Topic", { name: "plain", fifoTopic: true }).failures[0]), /end in .fifo/);
  });

  it("writes a policy that is given as an object as JSON, and refuses text that is none", () => {
    const { inputs } = check("UserPolicy", { name: "p", user: "u", policy: { Statement: [] } });
    assert.equal(inputs.policy, '{"Statement":[]}');
    assert.deepEqual(check("UserPolicy", { name: "p", user: "u", policy: "{" }).failures, [
      "policy is not JSON",
    ]);
    assert.equal(
      check("UserPolicy", { name: "p", user: "u", policy: { a: UNKNOWN } }).inputs.policy,
      UNKNOWN,
    );
  });

  it("refuses to turn versioning off for good, but not on another bucket", () => {
    const now = (bucket: string, status: string) => ({ bucket, versioningConfiguration: { status } });
    const refused = check("BucketVersioning", now("a", "Disabled"), now("a", "Enabled")).failures;
    assert.match(String(refused[0]), /cannot go from Enabled to Disabled; use Suspended/);
    assert.deepEqual(check("BucketVersioning", now("b", "Disabled"), now("a", "Enabled")).failures, []);
  });

  it("refuses lifecycle rules that S3 would refuse", () => {
    const failures = (rule: Props) =>
      check("BucketLifecycleConfiguration", { bucket: "b", rules: [rule] }).failures;
    const base = { id: "r", status: "Enabled" };
    assert.match(String(failures(base)[0]), /"r": it does nothing/);
    const both = { ...base, expiration: { days: 1 }, filter: { prefix: "a", objectSizeLessThan: 1 } };
    assert.match(String(failures(both)[0]), /put several into filter.and/);
    assert.match(
      String(failures({ ...base, status: "On", expiration: { days: 1 } })[0]),
      /allowed: Enabled, Disabled/,
    );
    assert.deepEqual(failures({ ...base, expiration: { days: UNKNOWN } }), []);
  });

  it("refuses alarms that CloudWatch would refuse", () => {
    const base = {
      name: "a",
      comparisonOperator: "GreaterThanThreshold",
      evaluationPeriods: 1,
      metricName: "m",
    };
    const failures = (more: Props) => check("MetricAlarm", { ...base, ...more }).failures.join("\n");
    assert.match(failures({}), /statistic or extendedStatistic must be set/);
    assert.match(failures({ statistic: "Mean" }), /"Mean"; allowed: SampleCount/);
    assert.match(failures({ statistic: "Sum", treatMissingData: "bad" }), /allowed: breaching/);
    assert.match(
      failures({ statistic: "Sum", metricQueries: [{ id: "q" }] }),
      /metricName cannot be set beside metricQueries/,
    );
    assert.equal(failures({ statistic: "Sum" }), "");
    assert.deepEqual(check("MetricAlarm", { name: "a" }).failures, [
      "comparisonOperator is required",
      "evaluationPeriods is required",
    ]);
  });

  it("refuses subscriptions that SNS would refuse", () => {
    const base = { topic: "arn", protocol: "email", endpoint: "a@example.com" };
    const failures = (more: Props) => check("TopicSubscription", { ...base, ...more }).failures.join("\n");
    assert.match(failures({ protocol: "pigeon" }), /"pigeon"; allowed: application, email/);
    assert.match(failures({ filterPolicyScope: "MessageBody" }), /needs filterPolicy/);
    assert.match(failures({ protocol: "firehose" }), /subscriptionRoleArn is required/);
    assert.equal(failures({}), "");
  });

  it("takes a policy of the same meaning for no difference, and only a policy", () => {
    const handler = awsPlugin.resources.find(({ token }) => token.endsWith(":UserPolicy"));
    const spelled = (Action: unknown) =>
      JSON.stringify({ Statement: [{ Effect: "Allow", Action, Resource: "*" }] });
    assert.equal(handler?.ignoreDiff?.("policy", spelled("a"), spelled(["a"])), true);
    assert.equal(handler?.ignoreDiff?.("policy", spelled("a"), spelled("b")), false);
    assert.equal(handler?.ignoreDiff?.("name", spelled("a"), spelled(["a"])), false);
  });
});

describe("SNS subscriptions", () => {
  it("wait for endpoints that answer by themselves, never for a person", () => {
    assert.equal(waitsForConfirmation({ protocol: "email" }), false);
    assert.equal(waitsForConfirmation({ protocol: "email-json", endpointAutoConfirms: true }), false);
    assert.equal(waitsForConfirmation({ protocol: "https" }), false);
    assert.equal(waitsForConfirmation({ protocol: "https", endpointAutoConfirms: true }), true);
    assert.equal(waitsForConfirmation({ protocol: "sqs" }), true);
  });

  it("change the scope MessageBody before the filter and MessageAttributes after it", () => {
    const filter = { name: "FilterPolicy", value: "{}" };
    const scope = (value: string) => ({ name: "FilterPolicyScope", value });
    assert.deepEqual(inWriteOrder([filter, scope("MessageBody")]), [scope("MessageBody"), filter]);
    assert.deepEqual(inWriteOrder([scope("MessageAttributes"), filter]), [
      filter,
      scope("MessageAttributes"),
    ]);
    assert.deepEqual(inWriteOrder([{ name: "FilterPolicy", value: "" }, scope("")]), [filter]);
    assert.deepEqual(inWriteOrder([{ name: "RedrivePolicy", value: "" }]), [{ name: "RedrivePolicy" }]);
  });
});

describe("an access key's SMTP password", () => {
  it("has SES's form: a version byte and 32 bytes, dependent on secret and region", () => {
    const password = Buffer.from(smtpPassword("secret", "us-east-1"), "base64");
    assert.equal(password.length, 33);
    assert.equal(password[0], 4);
    assert.notEqual(smtpPassword("secret", "us-east-1"), smtpPassword("secret", "us-east-2"));
    assert.notEqual(smtpPassword("secret", "us-east-1"), smtpPassword("other", "us-east-1"));
  });
});
