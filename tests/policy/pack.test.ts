import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as postgresql from "@pulumi/postgresql";
import { document } from "../../policies/document";
import { enforcement } from "../../policies/enforcement";
import { resourceRule, stackRule } from "../../policies/lib/rule";
import type { Token } from "../../policies/lib/types";
import { RULES } from "../../policies/policies";
import { happyStack } from "./support/happy";
import { type Declared, judge, UNKNOWN } from "./support/harness";

const ROOT = join(__dirname, "..", "..");

describe("the policy pack", () => {
  for (const { name } of RULES) {
    it(`${name} accepts a stack at exactly the manual's numbers`, () => {
      assert.deepEqual(judge(happyStack(), { only: [name] }), []);
    });
  }

  it("names are kebab-case and unique, and every policy is mandatory", () => {
    const names = RULES.map(({ name }) => name);
    assert.deepEqual([...new Set(names)], names);
    for (const { name, policy, basis, demands } of RULES) {
      assert.match(name, /^[a-z]+(-[a-z]+)+$/);
      assert.equal(policy.name, name);
      assert.equal(policy.enforcementLevel, "mandatory");
      assert.match(basis.row, /^M\d+( to M\d+)?$/);
      assert.match(demands, /\.$/);
    }
  });

  it("accepts an empty program", () => {
    assert.deepEqual(judge([]), []);
  });

  it("asks nothing of another project that happens to be judged, but what it declares", () => {
    const [db] = happyStack();
    assert.deepEqual(
      judge([{ ...(db as Declared), references: {} }], { project: "other", only: PRESENCE }),
      [],
    );
  });

  it("asks for the whole of a stack once a single resource of it is there", () => {
    const volume = happyStack().filter(({ name, type }) => name === "uploads" && type.endsWith("Volume"));
    assert.deepEqual([...new Set(judge(volume).map(({ policy }) => policy))].sort(), [...PRESENCE].sort());
  });

  it("type tokens are the SDK's", () => {
    const classes = [
      aws.cloudwatch.MetricAlarm,
      aws.iam.GroupPolicy,
      aws.iam.GroupPolicyAttachment,
      aws.iam.Policy,
      aws.iam.RolePolicy,
      aws.iam.RolePolicyAttachment,
      aws.iam.UserPolicy,
      aws.iam.UserPolicyAttachment,
      aws.s3.Bucket,
      aws.s3.BucketV2,
      docker.Container,
      docker.Network,
      docker.Service,
      docker.Volume,
      postgresql.Role,
    ];
    const tokens = classes.map((one) => String(Reflect.get(one, "__pulumiType")));
    const judgedTypes = new Set<string>(RULES.flatMap(({ types }) => types));
    assert.deepEqual(
      [...judgedTypes].filter((type) => !tokens.includes(type)),
      [],
    );
    assert.deepEqual(tokens.filter((type) => !judgedTypes.has(type)).sort(), []);
    // Types that only rules of the whole stack look at stand in the happy stack.
    const others = [
      aws.cloudwatch.AlarmMuteRule,
      aws.s3.BucketLifecycleConfiguration,
      aws.s3.BucketOwnershipControls,
      aws.s3.BucketPolicy,
      aws.s3.BucketPublicAccessBlock,
      aws.s3.BucketServerSideEncryptionConfiguration,
      aws.s3.BucketVersioning,
      aws.sns.Topic,
      aws.sns.TopicSubscription,
      command.local.Command,
      docker.ServiceConfig,
      postgresql.DefaultPrivileges,
      postgresql.Extension,
      postgresql.Grant,
    ].map((one) => String(Reflect.get(one, "__pulumiType")));
    const declared = new Set(happyStack().map(({ type }) => type));
    assert.deepEqual(
      others.filter((type) => !declared.has(type)),
      [],
    );
  });

  it("loads no SDK: types only", () => {
    const script =
      "require('tsx/cjs'); require('./policies/policies.ts');" +
      "console.log(Object.keys(require.cache).filter((f) => /@pulumi.(aws|docker|postgresql)/.test(f)).length)";
    assert.equal(execFileSync(process.execPath, ["-e", script], { cwd: ROOT, encoding: "utf8" }).trim(), "0");
  });

  it("docs/policies.md is current", () => {
    const file = join(ROOT, "docs", "policies.md");
    assert.equal(
      readFileSync(file, "utf8"),
      document(RULES),
      "run: npx tsx policies/document.ts > docs/policies.md",
    );
  });
});

const PRESENCE = [
  "alarms-present",
  "backup-alarms-present",
  "backup-bucket-present",
  "backup-settings",
  "database-grants",
  "database-roles-present",
  "escalation-topics",
  "gate-after-deployment",
  "gate-before-deployment",
  "outage-alarms",
  "release-recorded",
  "role-connection-limits",
  "scheduled-tasks",
  "services-present",
  "severity-topics",
  "slow-statements-logged",
];

describe("values that are not known yet in a preview", () => {
  /** The stack with one node of one resource's properties unknown. */
  function* unknowns(stack: readonly Declared[]): Generator<[string, Declared[], Declared]> {
    for (const [index, resource] of stack.entries()) {
      for (const path of paths(resource.props)) {
        const changed = structuredClone(resource);
        const parent = path.slice(0, -1).reduce<unknown>((node, key) => Object(node)[key], changed.props);
        Object(parent)[path.at(-1) ?? ""] = UNKNOWN;
        yield [
          `${resource.type} ${resource.name} ${path.join(".")}`,
          stack.map((other, at) => (at === index ? changed : other)),
          changed,
        ];
      }
    }
  }

  function* paths(node: unknown, above: readonly string[] = []): Generator<string[]> {
    for (const [key, child] of Object.entries(Object(node))) {
      if (child !== undefined) {
        yield [...above, key];
        if (typeof child === "object") {
          yield* paths(child, [...above, key]);
        }
      }
    }
  }

  it("neither crash a policy nor violate one, whichever property it is", () => {
    const violations: string[] = [];
    let count = 0;
    for (const [what, stack, focus] of unknowns(happyStack())) {
      count++;
      // What a policy needs to tell the stack's parts apart is never unknown: labels, tags and names are literals.
      violations.push(...judge(stack, { focus }).map(({ message }) => `${what}: ${message}`));
    }
    console.log(`      ${count} unknown values`);
    assert.deepEqual(violations, []);
  });

  it("do not hide a violation in a value that is known", () => {
    const stack = happyStack();
    const backend = stack.find(({ type, name }) => type.endsWith(":Service") && name === "backend");
    Object(backend?.props.taskSpec).containerSpec.env = { BUCKET: UNKNOWN, API_TOKEN: "x", IMAGE: UNKNOWN };
    assert.deepEqual(
      judge(stack).map(({ policy, message }) => [policy, message.split(".")[0]]),
      [["secret-free-environment", "Service backend has a secret in its environment: API_TOKEN"]],
    );
  });
});

describe("policies switched off behind the pack's back", () => {
  const VOLUME: Token = "docker:index/volume:Volume";
  const head = { section: "Troubleshooting", basis: { row: "M1", says: "" }, demands: "." } as const;
  const fresh = () => {
    const rules = ["first-of-volumes", "second-of-volumes"].map((name) =>
      resourceRule({ ...head, name, types: [VOLUME] }, () => undefined),
    );
    const whole = stackRule({ ...head, name: "of-the-stack" }, () => undefined);
    return { rules: [...rules, whole], guard: enforcement([...rules, whole]) };
  };
  const volumes = () => happyStack().filter(({ type }) => type === VOLUME);

  it("nothing is missed when all are called", () => {
    const { rules, guard } = fresh();
    assert.deepEqual(judge(volumes(), { rules: [...rules, guard] }), []);
  });

  it("a disabled policy is missed where another one judged the same kind of resource", () => {
    const { rules, guard } = fresh();
    const called = rules.filter(({ name }) => name !== "second-of-volumes");
    assert.deepEqual(
      judge(volumes(), { rules: [...called, guard] }).map(({ message }) => message),
      [
        'Stack local is judged without the policy second-of-volumes, which is disabled without a reason. Allowed: the configuration {"second-of-volumes": {"exception": {"level": "disabled", "reason": "…"}}}. Manual M56: "Record configuration changes".',
      ],
    );
  });

  it("a policy of a kind of resource that nobody judged is not missed", () => {
    const { rules, guard } = fresh();
    assert.deepEqual(judge([], { rules: [...rules, guard] }), []);
  });
});
