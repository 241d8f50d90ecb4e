import assert from "node:assert/strict";
import * as aws from "@pulumi/aws";
import { awsConfig, cloudwatch, iam, sns, startEmulator, stopEmulator } from "./aws-emulator";
import { conformance } from "./harness";

const suite = { plugins: ["aws" as const], config: awsConfig, before: startEmulator, after: stopEmulator };

conformance({
  ...suite,
  title: "aws functions and a provider of its own",
  steps: [
    {
      name: "answers for the emulator, and uses a provider's own region and tags",
      program: async () => {
        const provider = new aws.Provider("frankfurt", {
          region: "eu-central-1",
          accessKey: "conformance",
          secretKey: "conformance-key",
          endpoints: JSON.parse(awsConfig["aws:endpoints"]) as { sns?: string }[],
          skipCredentialsValidation: true,
          defaultTags: { tags: { where: "frankfurt" } },
        });
        const far = new aws.sns.Topic("far", {}, { provider });
        const argued = new aws.sns.Topic("argued", { region: "us-west-2" });
        return {
          caller: await aws.getCallerIdentity({}),
          partition: await aws.getPartition({}),
          here: await aws.getRegion({}),
          there: await aws.getRegion({}, { provider }),
          far: far.arn,
          farTags: far.tagsAll,
          argued: argued.arn,
        };
      },
      expect: { far: "create", argued: "create" },
      check: ({ outputs, state }) => {
        const { caller, partition, here, there } = outputs as Record<string, Record<string, string>>;
        assert.equal(caller?.accountId, "000000000000");
        assert.match(String(caller?.arn), /^arn:aws:iam::000000000000:/);
        assert.equal(partition?.partition, "aws");
        assert.equal(partition?.dnsSuffix, "amazonaws.com");
        assert.equal(here?.region, "us-east-1");
        assert.equal(here?.description, "US East (N. Virginia)");
        assert.equal(there?.endpoint, "ec2.eu-central-1.amazonaws.com");
        assert.match(String(outputs.far), /^arn:aws:sns:eu-central-1:000000000000:far-[0-9a-f]{7}$/);
        assert.deepEqual(outputs.farTags, { where: "frankfurt" });
        assert.match(String(outputs.argued), /^arn:aws:sns:us-west-2:/);
        assert.equal(state("argued").inputs.region, "us-west-2");
      },
    },
  ],
  gone: async () => {
    const { Topics } = await sns().listTopics({});
    assert.ok(!Topics?.some(({ TopicArn }) => /:(far|argued)-/.test(TopicArn ?? "")));
  },
});

const document = (action: unknown, resource: unknown) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: action, Resource: resource }],
});
const put = JSON.stringify(document(["s3:PutObject"], "arn:aws:s3:::conf-aws/*"));
const secrets: string[] = [];

function writer(given: { policy?: string; status?: string; path?: string; owner?: string }): void {
  const user = new aws.iam.User("writer", { path: given.path, tags: { for: "backups" } });
  new aws.iam.UserPolicy("policy", { user: user.name, policy: given.policy ?? put });
  const other = new aws.iam.User("other", { name: "conf-aws-other" });
  const owner = given.owner === "other" ? other : user;
  new aws.iam.AccessKey("key", { user: owner.name, status: given.status });
}

const iamSame = { writer: "same", other: "same", policy: "same", key: "same" } as const;

conformance({
  ...suite,
  title: "aws.iam",
  secrets,
  steps: [
    {
      name: "creates a user, its policy and its key, whose secret is encrypted in the state",
      program: async () => writer({}),
      expect: { writer: "create", other: "create", policy: "create", key: "create" },
      check: async ({ state }) => {
        const user = state("writer");
        assert.match(user.id, /^writer-[0-9a-f]{7}$/);
        assert.deepEqual(user.inputs, {
          forceDestroy: false,
          name: user.id,
          path: "/",
          tags: { for: "backups" },
          tagsAll: { for: "backups", project: "conformance" },
        });
        assert.equal(user.outputs.arn, `arn:aws:iam::000000000000:user/${user.id}`);
        assert.ok(user.outputs.uniqueId);
        const policy = state("policy");
        assert.match(policy.id, new RegExp(`^${user.id}:policy-[0-9a-f]{7}$`));
        const key = state("key");
        assert.equal(key.outputs.status, "Active");
        assert.equal(String(key.outputs.secret).length, 40);
        assert.ok(key.outputs.sesSmtpPasswordV4);
        assert.ok(key.outputs.createDate);
        secrets.push(String(key.outputs.secret), String(key.outputs.sesSmtpPasswordV4));
        const { AccessKeyMetadata } = await iam().listAccessKeys({ UserName: user.id });
        assert.equal(AccessKeyMetadata?.[0]?.AccessKeyId, key.id);
      },
    },
    {
      name: "takes a policy of the same meaning as no change",
      program: async () =>
        writer({ policy: JSON.stringify(document("s3:PutObject", ["arn:aws:s3:::conf-aws/*"]), null, 2) }),
      expect: iamSame,
    },
    {
      name: "changes path, policy and the key's status in place; the secret stays",
      program: async () =>
        writer({
          path: "/backups/",
          status: "Inactive",
          policy: JSON.stringify(document("s3:GetObject", "arn:aws:s3:::conf-aws/*")),
        }),
      expect: {
        writer: { update: ["path"] },
        other: "same",
        policy: { update: ["policy"] },
        key: { update: ["status"] },
      },
      check: async ({ state }) => {
        assert.match(String(state("writer").outputs.arn), /:user\/backups\/writer-/);
        assert.equal(state("key").outputs.secret, secrets[0]);
        const UserName = state("writer").id;
        const { AccessKeyMetadata } = await iam().listAccessKeys({ UserName });
        assert.equal(AccessKeyMetadata?.[0]?.Status, "Inactive");
      },
    },
    {
      name: "replaces the key when it is another user's",
      program: async () => writer({ path: "/backups/", status: "Inactive", owner: "other" }),
      expect: {
        writer: "same",
        other: "same",
        policy: { update: ["policy"] },
        key: { replace: ["user"], paths: ["user"], deleteFirst: false },
      },
      check: ({ state }) => {
        assert.notEqual(state("key").outputs.secret, secrets[0]);
        secrets.push(String(state("key").outputs.secret));
      },
    },
    {
      name: "notices a policy that somebody widened and a key that is gone",
      drift: async () => {
        const { Users = [] } = await iam().listUsers({ PathPrefix: "/backups/" });
        const UserName = Users[0]?.UserName;
        const { PolicyNames = [] } = await iam().listUserPolicies({ UserName });
        const PolicyDocument = JSON.stringify(document("s3:*", "*"));
        await iam().putUserPolicy({ UserName, PolicyName: PolicyNames[0], PolicyDocument });
        const { AccessKeyMetadata = [] } = await iam().listAccessKeys({ UserName: "conf-aws-other" });
        const AccessKeyId = AccessKeyMetadata[0]?.AccessKeyId;
        await iam().deleteAccessKey({ UserName: "conf-aws-other", AccessKeyId });
      },
      drifted: { policy: { update: ["policy"] }, key: "delete" },
      expect: { ...iamSame, policy: { update: ["policy"] }, key: "create" },
    },
  ],
  gone: async () => {
    const { Users = [] } = await iam().listUsers({});
    assert.ok(!Users.some(({ UserName }) => /^(writer-|conf-aws-other)/.test(UserName ?? "")));
  },
});

const ACTIONS = ["conf-a", "conf-b", "conf-c"].map((name) => `arn:aws:sns:us-east-1:000000000000:${name}`);
const ALARM = {
  name: "conf-aws-cpu",
  alarmDescription: "CPU Usage: Investigate high-load processes",
  comparisonOperator: "GreaterThanThreshold",
  evaluationPeriods: 3,
  datapointsToAlarm: 2,
  metricName: "cpu",
  namespace: "FitnessCRM",
  period: 60,
  statistic: "Average",
  threshold: 80,
  unit: "Percent",
  treatMissingData: "breaching",
  dimensions: { stack: "conf", host: "one" },
  alarmActions: ACTIONS.slice(0, 2),
  okActions: ACTIONS.slice(2),
  insufficientDataActions: ACTIONS.slice(0, 1),
  tags: { severity: "P3" },
};

function alarms(given: Partial<typeof ALARM>, body: unknown, stat = "p95"): void {
  new aws.cloudwatch.MetricAlarm("cpu", { ...ALARM, ...given });
  new aws.cloudwatch.MetricAlarm("p95", {
    comparisonOperator: "GreaterThanThreshold",
    evaluationPeriods: 1,
    metricName: "latency",
    namespace: "FitnessCRM",
    period: 300,
    extendedStatistic: stat,
    threshold: 500,
  });
  new aws.cloudwatch.MetricAlarm("ratio", {
    comparisonOperator: "GreaterThanThreshold",
    evaluationPeriods: 1,
    threshold: 1,
    metricQueries: [
      { id: "ratio", expression: "100 * errors / requests", label: "Error Rate", returnData: true },
      { id: "errors", metric: { metricName: "errors", namespace: "FitnessCRM", period: 60, stat: "Sum" } },
      {
        id: "requests",
        metric: {
          metricName: "requests",
          namespace: "FitnessCRM",
          period: 60,
          stat: "Sum",
          dimensions: { route: "/" },
        },
      },
    ],
  });
  new aws.cloudwatch.Dashboard("board", {
    dashboardName: "conf-aws-board",
    dashboardBody: JSON.stringify(body, null, 1),
  });
}

const widget = (title: string) => ({
  widgets: [{ type: "text", x: 0, y: 0, width: 6, height: 3, properties: { markdown: title } }],
});
const alarmsSame = { cpu: "same", p95: "same", ratio: "same", board: "same" } as const;

conformance({
  ...suite,
  title: "aws.cloudwatch",
  anyOrder: true,
  steps: [
    {
      name: "creates alarms on a statistic, a percentile and an expression, and a dashboard",
      program: async () => alarms({}, widget("one")),
      expect: { cpu: "create", p95: "create", ratio: "create", board: "create" },
      check: async ({ state }) => {
        const { id, inputs, outputs } = state("cpu");
        assert.equal(id, ALARM.name);
        assert.deepEqual(inputs, {
          ...ALARM,
          actionsEnabled: true,
          region: "us-east-1",
          tagsAll: { project: "conformance", severity: "P3" },
        });
        assert.equal(outputs.arn, `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${id}`);
        assert.equal(state("p95").outputs.treatMissingData, "missing");
        assert.equal(
          state("board").outputs.dashboardArn,
          "arn:aws:cloudwatch::000000000000:dashboard/conf-aws-board",
        );
        const { MetricAlarms = [] } = await cloudwatch().describeAlarms({ AlarmNames: [ALARM.name] });
        assert.equal(MetricAlarms[0]?.Threshold, 80);
        assert.deepEqual(MetricAlarms[0]?.AlarmActions, ALARM.alarmActions);
        assert.equal(MetricAlarms[0]?.TreatMissingData, "breaching");
      },
    },
    {
      name: "takes actions and dimensions in another order as no change",
      program: async () =>
        alarms(
          { alarmActions: [...ALARM.alarmActions].reverse(), dimensions: { host: "one", stack: "conf" } },
          { widgets: widget("one").widgets.map(({ type, ...rest }) => ({ ...rest, type })) },
        ),
      expect: alarmsSame,
    },
    {
      name: "changes an alarm, its tags and a dashboard in place",
      program: async () =>
        alarms(
          {
            threshold: 75.5,
            treatMissingData: "notBreaching",
            alarmActions: ACTIONS.slice(0, 1),
            tags: { severity: "P2" },
          },
          widget("two"),
          "p99",
        ),
      expect: {
        cpu: {
          update: ["alarmActions[0]", "tags.severity", "tagsAll.severity", "threshold", "treatMissingData"],
        },
        p95: { update: ["extendedStatistic"] },
        ratio: "same",
        board: { update: ["dashboardBody"] },
      },
      check: async ({ state }) => {
        const { MetricAlarms = [] } = await cloudwatch().describeAlarms({ AlarmNames: [ALARM.name] });
        assert.equal(MetricAlarms[0]?.Threshold, 75.5);
        const { Tags } = await cloudwatch().listTagsForResource({
          ResourceARN: String(state("cpu").outputs.arn),
        });
        assert.ok(Tags?.some(({ Key, Value }) => Key === "severity" && Value === "P2"));
      },
    },
    {
      name: "replaces an alarm of another name, and notices what somebody changed or deleted",
      drift: async () => {
        const { MetricAlarms = [] } = await cloudwatch().describeAlarms({ AlarmNames: [ALARM.name] });
        const { AlarmName, Namespace, MetricName, Period, Statistic, Dimensions, Unit } =
          MetricAlarms[0] ?? {};
        await cloudwatch().putMetricAlarm({
          AlarmName,
          Namespace,
          MetricName,
          Period,
          Statistic,
          Dimensions,
          Unit,
          ActionsEnabled: false,
          AlarmActions: MetricAlarms[0]?.AlarmActions,
          OKActions: MetricAlarms[0]?.OKActions,
          InsufficientDataActions: MetricAlarms[0]?.InsufficientDataActions,
          AlarmDescription: MetricAlarms[0]?.AlarmDescription,
          DatapointsToAlarm: 2,
          TreatMissingData: "notBreaching",
          ComparisonOperator: "GreaterThanThreshold",
          EvaluationPeriods: 3,
          Threshold: 99,
        });
        await cloudwatch().deleteDashboards({ DashboardNames: ["conf-aws-board"] });
      },
      drifted: { cpu: { update: ["actionsEnabled", "threshold"] }, board: "delete" },
      program: async () =>
        alarms(
          {
            name: "conf-aws-renamed",
            threshold: 75.5,
            treatMissingData: "notBreaching",
            alarmActions: ACTIONS.slice(0, 1),
            tags: { severity: "P2" },
          },
          widget("two"),
          "p99",
        ),
      expect: { ...alarmsSame, cpu: { replace: ["name"], deleteFirst: false }, board: "create" },
    },
  ],
  gone: async () => {
    const { MetricAlarms = [] } = await cloudwatch().describeAlarms({});
    assert.ok(!MetricAlarms.some(({ AlarmName }) => /^(conf-aws|p95-|ratio-)/.test(AlarmName ?? "")));
  },
});

const FOREIGN = "conf-aws-foreign";
let foreignKey = "";
let foreignMail = "";
const FOREIGN_TOPIC = `arn:aws:sns:us-east-1:000000000000:${FOREIGN}`;
const foreignPolicy = JSON.stringify(document("s3:GetObject", "arn:aws:s3:::conf-aws/*"));

conformance({
  ...suite,
  title: "aws imports by the official ids",
  before: async () => {
    await startEmulator();
    const Tags = [{ Key: "project", Value: "conformance" }];
    const UserName = FOREIGN;
    await iam().createUser({ UserName, Tags });
    await iam().putUserPolicy({ UserName, PolicyName: "read", PolicyDocument: foreignPolicy });
    foreignKey = String((await iam().createAccessKey({ UserName })).AccessKey?.AccessKeyId);
    await sns().createTopic({ Name: FOREIGN, Tags });
    const mail = { TopicArn: FOREIGN_TOPIC, Protocol: "email", Endpoint: "foreign@example.com" };
    foreignMail = String((await sns().subscribe({ ...mail, ReturnSubscriptionArn: true })).SubscriptionArn);
    await cloudwatch().putDashboard({
      DashboardName: FOREIGN,
      DashboardBody: JSON.stringify(widget("foreign")),
    });
    const { tags: _, ...plain } = ALARM;
    await cloudwatch().putMetricAlarm({
      AlarmName: FOREIGN,
      ActionsEnabled: true,
      AlarmActions: plain.alarmActions,
      OKActions: plain.okActions,
      InsufficientDataActions: plain.insufficientDataActions,
      AlarmDescription: plain.alarmDescription,
      ComparisonOperator: "GreaterThanThreshold",
      EvaluationPeriods: 3,
      DatapointsToAlarm: 2,
      MetricName: plain.metricName,
      Namespace: plain.namespace,
      Period: plain.period,
      Statistic: "Average",
      Threshold: plain.threshold,
      Unit: "Percent",
      TreatMissingData: plain.treatMissingData,
      Dimensions: Object.entries(plain.dimensions).map(([Name, Value]) => ({ Name, Value })),
    });
    const ResourceARN = `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${FOREIGN}`;
    await cloudwatch().tagResource({ ResourceARN, Tags });
  },
  steps: [
    {
      name: "imports each type without a change; a key's secret cannot be read back",
      program: async () => {
        const { tags: _, ...alarm } = ALARM;
        const user = new aws.iam.User("user", { name: FOREIGN }, { import: FOREIGN });
        new aws.iam.UserPolicy(
          "policy",
          { name: "read", user: user.name, policy: foreignPolicy },
          { import: `${FOREIGN}:read` },
        );
        new aws.iam.AccessKey("key", { user: user.name }, { import: foreignKey });
        new aws.sns.Topic("topic", { name: FOREIGN }, { import: FOREIGN_TOPIC });
        new aws.sns.TopicSubscription(
          "mail",
          { topic: FOREIGN_TOPIC, protocol: "email", endpoint: "foreign@example.com" },
          { import: foreignMail },
        );
        new aws.cloudwatch.MetricAlarm("alarm", { ...alarm, name: FOREIGN }, { import: FOREIGN });
        new aws.cloudwatch.Dashboard(
          "board",
          { dashboardName: FOREIGN, dashboardBody: JSON.stringify(widget("foreign"), null, 2) },
          { import: FOREIGN },
        );
      },
      expect: {
        user: "import",
        policy: "import",
        key: "import",
        topic: "import",
        mail: "import",
        alarm: "import",
        board: "import",
      },
      check: ({ state }) => {
        assert.equal(state("key").outputs.secret, undefined);
        assert.equal(state("key").inputs.user, FOREIGN);
      },
    },
  ],
  gone: async () => {
    await assert.rejects(iam().getUser({ UserName: FOREIGN }), { name: "NoSuchEntityException" });
    await assert.rejects(sns().getTopicAttributes({ TopicArn: FOREIGN_TOPIC }), {
      name: "NotFoundException",
    });
  },
});

/** As the program declares its alarms: `ack` and `down` change these from outside. */
function switchedOutside(threshold: number): void {
  new aws.cloudwatch.MetricAlarm(
    "twin",
    {
      ...ALARM,
      name: "conf-aws-twin",
      statistic: "Minimum",
      comparisonOperator: "LessThanThreshold",
      evaluationPeriods: 363,
      datapointsToAlarm: 363,
      threshold,
      actionsEnabled: true,
    },
    { ignoreChanges: ["actionsEnabled", 'tags["acknowledged"]', "tagsAll"] },
  );
}

const twin = async () => {
  const { MetricAlarms = [] } = await cloudwatch().describeAlarms({ AlarmNames: ["conf-aws-twin"] });
  return MetricAlarms[0];
};

conformance({
  ...suite,
  title: "aws.cloudwatch, alarms that are switched from outside",
  steps: [
    {
      name: "creates an alarm on a minimum over hundreds of periods, with its actions on",
      program: async () => switchedOutside(28),
      expect: { twin: "create" },
      check: async () => {
        const alarm = await twin();
        assert.equal(alarm?.ActionsEnabled, true);
        assert.equal(alarm?.EvaluationPeriods, 363);
        assert.equal(alarm?.ComparisonOperator, "LessThanThreshold");
      },
    },
    {
      name: "leaves its actions off, and the note that it was acknowledged",
      drift: async () => {
        await cloudwatch().disableAlarmActions({ AlarmNames: ["conf-aws-twin"] });
        await cloudwatch().tagResource({
          ResourceARN: (await twin())?.AlarmArn,
          Tags: [{ Key: "acknowledged", Value: "2026-11-26T12:00:00Z by ada" }],
        });
      },
      // It is in the state then, and nothing is to be done about it.
      drifted: { twin: { update: ["actionsEnabled", "tags.acknowledged", "tagsAll.acknowledged"] } },
      expect: { twin: "same" },
      check: async () => assert.equal((await twin())?.ActionsEnabled, false),
    },
    {
      name: "leaves both when something else of it changes",
      program: async () => switchedOutside(30),
      expect: { twin: { update: ["threshold"] } },
      check: async () => {
        const alarm = await twin();
        assert.equal(alarm?.ActionsEnabled, false);
        const { Tags = [] } = await cloudwatch().listTagsForResource({ ResourceARN: alarm?.AlarmArn });
        assert.ok(Tags.some(({ Key }) => Key === "acknowledged"));
      },
    },
  ],
  gone: async () => assert.equal(await twin(), undefined),
});
