import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";
import { docker, eventually, healthy, image, program, Sandbox, tryDocker } from "./sandbox";

const LIBRARY = "/usr/local/lib/libfaketime.so.1";
const PERIOD = 10;
const HOUR = 3600;

/** A host whose clock is not CloudWatch's. The emulator's is set, since Telegraf reads the machine's: what counts is the difference. */
describe("the metrics agent of a host whose clock is wrong", function () {
  this.timeout(600_000);
  const sandbox = new Sandbox();
  const clock = mkdtempSync(join(tmpdir(), "fitnesscrm-skew-"));
  const emulator = `${sandbox.prefix}-aws`;
  let cloudwatch: CloudWatch;

  before(async () => {
    await sandbox.open();
    await chmod(clock, 0o755);
    setAhead(0);
    await startEmulator();
    await declareAlarms();
    const binary = program("telegraf");
    assert(
      binary !== undefined,
      "telegraf is missing in the toolchain's bin folder: ./fitnesscrm up gets it",
    );
    const secrets = await sandbox.secrets("agent", {
      agent_aws_credentials: "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = not-checked\n",
    });
    await healthy(
      await sandbox.start({
        image: await image("images/agent", { files: { telegraf: binary } }),
        environment: {
          AGENT_STACK: "test",
          AGENT_INTERVAL: "3s",
          AWS_REGION: "us-east-1",
          AWS_ENDPOINT_URL: "http://aws:4566",
        },
        volumes: { "/run/secrets": secrets },
      }),
    );
  });
  after(async () => {
    cloudwatch?.destroy();
    await tryDocker(["rm", "--force", "--volumes", emulator]);
    await sandbox.close();
    rmSync(clock, { recursive: true, force: true });
  });

  /** Sets CloudWatch's clock ahead of the host's, which is then behind; seconds. */
  function setAhead(seconds: number): void {
    const partial = join(clock, ".offset");
    writeFileSync(partial, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`, { mode: 0o644 });
    renameSync(partial, join(clock, "offset"));
  }

  async function startEmulator(): Promise<void> {
    await docker([
      ...["run", "--detach", `--name=${emulator}`, `--network=${sandbox.prefix}`, "--network-alias=aws"],
      ...["--publish=127.0.0.1::4566", `--volume=${clock}:/clock:ro`, `--env=LD_PRELOAD=${LIBRARY}`],
      ...["--env=FAKETIME_TIMESTAMP_FILE=/clock/offset", "--env=FAKETIME_CACHE_DURATION=1"],
      ...["--env=DONT_FAKE_MONOTONIC=1", "--env=NO_FAKE_STAT=1", await withLibrary(await emulatorImage())],
    ]);
    const endpoint = `http://127.0.0.1:${await sandbox.port(emulator, 4566)}`;
    await emulatorIsReady(endpoint);
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    cloudwatch = new CloudWatch({ endpoint, region: "us-east-1", credentials });
  }

  async function withLibrary(from: string): Promise<string> {
    const user = await docker(["image", "inspect", "--format", "{{.Config.User}}", from]);
    const context = await mkdtemp(join(tmpdir(), "fitnesscrm-skew-image-"));
    try {
      const lines = [
        `FROM ${from}`,
        "USER root",
        `RUN apt-get update && apt-get install -y --no-install-recommends libfaketime && cp /usr/lib/*/faketime/libfaketime.so.1 ${LIBRARY}`,
        `USER ${user}`,
      ];
      await writeFile(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
      return await docker(["build", "--quiet", "--force-rm", context], 300_000);
    } finally {
      await rm(context, { recursive: true });
    }
  }

  /** As the stack declares them: silence is trouble, and no other alarm judges without values. */
  async function declareAlarms(): Promise<void> {
    const common = {
      Namespace: "FitnessCRM",
      Dimensions: [{ Name: "Stack", Value: "test" }],
      Statistic: "Maximum" as const,
      ComparisonOperator: "GreaterThanThreshold" as const,
      Period: PERIOD,
      EvaluationPeriods: 2,
    };
    await cloudwatch.putMetricAlarm({
      ...common,
      AlarmName: "silence",
      MetricName: "agent_silent",
      Threshold: 0,
      TreatMissingData: "breaching",
    });
    await cloudwatch.putMetricAlarm({
      ...common,
      AlarmName: "memory",
      MetricName: "memory_used_percent",
      Threshold: 100,
      TreatMissingData: "missing",
    });
  }

  async function states(): Promise<Record<string, string>> {
    const { MetricAlarms = [] } = await cloudwatch.describeAlarms({});
    return Object.fromEntries(
      MetricAlarms.map(({ AlarmName, StateValue }) => [String(AlarmName), String(StateValue)]),
    );
  }

  const become = (name: string, state: string) =>
    eventually(
      `${name} is ${state}`,
      async () => {
        const found = await states();
        if (found[name] !== state) throw new Error(JSON.stringify(found));
        return true;
      },
      90,
    );

  /** Values that CloudWatch has for a part of its own time; seconds from its now. */
  async function values(from: number, until: number, ahead: number): Promise<number> {
    const at = (seconds: number) => new Date(Date.now() + (ahead + seconds) * 1000);
    const { Datapoints = [] } = await cloudwatch.getMetricStatistics({
      Namespace: "FitnessCRM",
      MetricName: "agent_silent",
      Dimensions: [{ Name: "Stack", Value: "test" }],
      StartTime: at(from),
      EndTime: at(until),
      Period: 1,
      Statistics: ["SampleCount"],
    });
    return Datapoints.length;
  }

  it("is heard as ever when it is wrong by less than a period", async () => {
    await become("silence", "OK");
    await become("memory", "OK");
    for (const ahead of [4, -4]) {
      setAhead(ahead);
      const judgedUntil = Date.now() + 4 * PERIOD * 1000;
      while (Date.now() < judgedUntil) {
        assert.deepEqual(await states(), { silence: "OK", memory: "OK" });
        await new Promise((next) => setTimeout(next, 500));
      }
    }
  });

  for (const [what, ahead] of [
    ["behind", HOUR],
    ["ahead", -HOUR],
  ] as const) {
    it(`counts as silent when it is an hour ${what}, and none of its values for one of now`, async () => {
      setAhead(ahead);
      await become("silence", "ALARM");
      await become("memory", "INSUFFICIENT_DATA");
      assert.equal(await values(-PERIOD, PERIOD, ahead), 0);
      setAhead(0);
      await become("silence", "OK");
      await become("memory", "OK");
    });
  }
});
