import assert from "node:assert/strict";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { SNS } from "@aws-sdk/client-sns";
import type { Connections } from "../../cli/database/connections";
import type { ComponentHealth, Health } from "../../cli/health";
import type { AlarmView } from "../../cli/monitoring/alarmViews";
import type { OnCall } from "../../cli/monitoring/onCall";
import type { ServiceStats } from "../../cli/stats";
import { SERVICES } from "../../config";
import { MANUAL } from "../../manual";
import { METRIC_NAMESPACE, METRICS } from "../../metricNames";
import { containersOf, docker } from "./support/docker";
import { mustOnStack, onStack, PORTS, STACK } from "./support/launcher";
import { ensureStack, upStack } from "./support/stack";
import { waitFor } from "./support/wait";

const ALARM = "database-connections";

const aws = {
  region: "us-east-1",
  endpoint: `http://127.0.0.1:${PORTS.aws}`,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};

async function asked<T>(...args: readonly [string, ...string[]]): Promise<T> {
  return JSON.parse((await mustOnStack(...args, "--json")).stdout) as T;
}

async function alarm(name: string): Promise<AlarmView> {
  const found = (await asked<AlarmView[]>("alarms")).find((one) => one.name === name);
  assert.ok(found !== undefined, `alarm ${name}`);
  return found;
}

async function healthOf(name: string): Promise<ComponentHealth> {
  const { components } = JSON.parse((await onStack("health", "--json")).stdout) as Health;
  const found = components.find((one) => one.name === name);
  assert.ok(found !== undefined, `component ${name}`);
  return found;
}

async function subjects(): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${PORTS.mailbox}/api/v1/messages?limit=500`);
  return ((await answer.json()) as { messages: { Subject: string }[] }).messages.map(
    ({ Subject }) => Subject,
  );
}

describe("what an operator sees of a stack that is watched", function () {
  this.timeout(900_000);
  const cloudwatch = new CloudWatch(aws);
  const sns = new SNS(aws);
  let connections: NodeJS.Timeout | undefined;

  before(() => ensureStack());
  after(() => clearInterval(connections));

  /** More connections than there are, told to CloudWatch until {@link calm}: the alarm takes the largest value of a period. */
  function breach(): void {
    const send = () =>
      void cloudwatch
        .putMetricData({
          Namespace: METRIC_NAMESPACE,
          MetricData: [
            {
              MetricName: METRICS.connections,
              Value: MANUAL.thresholds[ALARM].above + 100,
              Dimensions: [{ Name: "Stack", Value: STACK }],
              StorageResolution: 1,
            },
          ],
        })
        .catch(() => undefined);
    send();
    connections = setInterval(send, 2000);
  }
  function calm(): void {
    clearInterval(connections);
  }

  it("is healthy: its alarms are in place, and every address is confirmed", async () => {
    for (const name of ["alarms", "subscriptions"]) {
      const { healthy, reason } = await healthOf(name);
      assert.ok(healthy, `${name}: ${reason}`);
    }
  });

  it("lists the alarms with severity, metric, threshold, state and since when", async () => {
    const alarms = await asked<AlarmView[]>("alarms");
    const { above, severity } = MANUAL.thresholds[ALARM];
    const found = alarms.find(({ name }) => name === ALARM);
    assert.equal(found?.metric, METRICS.connections);
    assert.equal(found?.threshold, above);
    assert.equal(found?.severity, severity);
    assert.ok(Date.parse(found?.since ?? "") <= Date.now());
    assert.ok(alarms.every(({ name }) => !name.includes("escalation")));
    const critical = await asked<AlarmView[]>("alarms", "--severity", "P0");
    assert.ok(critical.length > 0 && critical.every((one) => one.severity === "P0"));
  });

  it("says who is on call, now and a week later", async () => {
    const now = await asked<OnCall>("oncall");
    const next = await asked<OnCall>("oncall", "--at", now.until);
    assert.ok(Date.parse(now.from) <= Date.now() && Date.now() < Date.parse(now.until));
    assert.equal(next.from, now.until);
    assert.notEqual(next.engineer.email, now.engineer.email);
    assert.deepEqual(
      now.chain.map(({ step, afterSeconds }) => [step, "P3" in afterSeconds]),
      [
        ["engineering-manager", true],
        ["cto", true],
        ["ceo", false],
      ],
    );
    const refused = await onStack("oncall", "--at", "tomorrow");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--at "tomorrow" is not a moment/);
  });

  it("shows what containers use, against their limits", async () => {
    const stats = await asked<ServiceStats[]>("stats");
    assert.deepEqual(stats.map(({ service }) => service).sort(), [...SERVICES].sort());
    for (const { service, containers } of stats) {
      assert.ok(containers.length > 0, service);
      for (const { memoryBytes, memoryLimitBytes, cpuLimit } of containers) {
        assert.ok(memoryLimitBytes !== null && memoryBytes > 0 && memoryBytes < memoryLimitBytes, service);
        assert.ok(cpuLimit !== null, service);
      }
    }
  });

  it("shows connections, slow statements and sizes of the database, without values", async () => {
    const [db] = await containersOf("db");
    assert.ok(db !== undefined);
    const psql = (sql: string) =>
      docker("exec", "--user", "postgres", db, "psql", "-XAtc", sql, "fitnesscrm");
    const sleeping = psql("SELECT pg_sleep(6), 'value that nobody sees'");
    const { total, groups } = await waitFor("the statement's connection", async () => {
      const found = await asked<Connections>("db", "connections");
      return found.groups.some(({ role, state }) => role === "postgres" && state === "active") && found;
    });
    await sleeping;
    assert.equal(
      total,
      groups.reduce((sum, { count }) => sum + count, 0),
    );
    const slow = await mustOnStack("db", "slow", "--json");
    assert.doesNotMatch(slow.stdout, /value that nobody sees/);
    assert.ok((JSON.parse(slow.stdout) as { query: string }[]).some(({ query }) => /pg_sleep/.test(query)));
    const sizes = await asked<{ table: string; bytes: number }[]>("db", "sizes");
    assert.ok(sizes.some(({ table, bytes }) => table === "public.clients" && bytes > 0));
  });

  it("spares the chain of an alarm that somebody acknowledged, until it is over", async () => {
    const refused = await onStack("ack", ALARM);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /alarm database-connections is not in ALARM but \w+: there is nothing to respond to/,
    );
    breach();
    try {
      const on = await waitFor("ALARM", async () => {
        const found = await alarm(ALARM);
        return found.state === "ALARM" && found;
      });
      assert.ok(on.escalations.every(({ at, enabled }) => at !== null && enabled));
      const { stdout } = await mustOnStack("ack", ALARM, "--by", "Ada Engineer");
      assert.match(stdout, /acknowledged by Ada Engineer/);
      const acknowledged = await alarm(ALARM);
      assert.equal(acknowledged.acknowledged?.by, "Ada Engineer");
      assert.ok(acknowledged.enabled);
      assert.ok(acknowledged.escalations.every(({ enabled, told }) => !enabled || told));
      assert.ok((await healthOf("alarms")).healthy);
    } finally {
      calm();
    }
    await waitFor("OK", async () => (await alarm(ALARM)).state === "OK", 90);
    // By ops itself, with credentials of its own.
    await waitFor("the chain to hear of the next one", async () => {
      const { acknowledged, escalations } = await alarm(ALARM);
      return acknowledged === null && escalations.every(({ enabled }) => enabled);
    });
    await waitFor("both pages", async () => {
      const found = (await subjects()).filter((subject) =>
        subject.includes(`"fitnesscrm-${STACK}-${ALARM}"`),
      );
      return ["ALARM", "OK"].every((state) => found.some((subject) => subject.startsWith(state)));
    });
  });

  it("is unhealthy with an address that nobody has confirmed, and names it", async () => {
    const topics = (await sns.listTopics({})).Topics ?? [];
    const TopicArn = topics.find(({ TopicArn: arn }) => arn?.endsWith(`:fitnesscrm-${STACK}-p0`))?.TopicArn;
    const { SubscriptionArn } = await sns.subscribe({
      TopicArn,
      Protocol: "email",
      Endpoint: "nobody@example.com",
      ReturnSubscriptionArn: true,
    });
    try {
      const { healthy, reason } = await healthOf("subscriptions");
      assert.equal(healthy, false);
      assert.match(reason, new RegExp(`nobody@example\\.com to fitnesscrm-${STACK}-p0`));
      assert.equal((await onStack("health")).code, 1);
    } finally {
      await sns.unsubscribe({ SubscriptionArn });
    }
    assert.ok((await healthOf("subscriptions")).healthy);
  });

  it("pages nobody when it is stopped on purpose, nor when it starts again", async () => {
    // A busy machine is busy for real.
    const told = async (): Promise<string[]> =>
      (await subjects()).filter((subject) => !/-(cpu|memory|response-time)\b/.test(subject));
    const before = await told();
    await mustOnStack("down");
    // The silence is noticed, as it has to be, and told to nobody.
    await waitFor("silence", async () => (await alarm("silence")).state === "ALARM", 90);
    assert.ok((await asked<AlarmView[]>("alarms")).every(({ enabled }) => !enabled));
    const up = await upStack();
    assert.equal(up.code, 0, up.stderr);
    assert.ok((await asked<AlarmView[]>("alarms")).every(({ enabled }) => enabled));
    await waitFor("all mail to be carried", async () => {
      const mail = await fetch(`${aws.endpoint}/_aws/ses`);
      return ((await mail.json()) as { messages: unknown[] }).messages.length === 0;
    });
    assert.deepEqual(await told(), before);
    const { healthy, reason } = await healthOf("alarms");
    assert.ok(healthy, reason);
  });
});
