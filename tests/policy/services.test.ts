import assert from "node:assert/strict";
import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import { RULES } from "../../policies/policies";
import { type Case, refusals } from "./support/cases";
import { happyStack, service } from "./support/happy";
import { change, type Declared, declare, judge, set } from "./support/harness";

const IMAGE = "taskSpec.containerSpec.image";
const RAN_AWAY =
  "which may be another one tomorrow. Allowed: an image ID (sha256:…), a digest (name@sha256:…), or a tag other than latest";

const cases: Case[] = [
  {
    refuses: "a stack without its cache",
    resource: "Service redis",
    policy: "services-present",
    message:
      'Stack local has no service redis. Allowed: a docker.Service with the label fitnesscrm.service = redis. Manual M1: "Start production environment".',
  },
  {
    refuses: "a service that does not say which one it is",
    resource: "Service cron",
    set: { labels: [{ label: "fitnesscrm.stack", value: "local" }] },
    add: [service("cron")],
    policy: "services-present",
    message:
      'Service cron does not say which service it is, so that no rule can know what it may do. Allowed: the label fitnesscrm.service. Manual M1: "Start production environment".',
  },
  {
    refuses: "a service without a health check",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.healthcheck": undefined },
    policy: "service-health-check",
    message:
      'Service backend has no health check. Allowed: taskSpec.containerSpec.healthcheck.tests of CMD or CMD-SHELL and a command. Manual M5: "Run Health Check".',
  },
  {
    refuses: "a health check that switches off the image's own",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.healthcheck.tests": ["NONE"] },
    policy: "service-health-check",
    message:
      'Service backend has the health check ["NONE"]. Allowed: taskSpec.containerSpec.healthcheck.tests of CMD or CMD-SHELL and a command. Manual M5: "Run Health Check".',
  },
  {
    refuses: "a health check at an interval that is none",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.healthcheck.interval": "soon" },
    policy: "service-health-check",
    message:
      'Service backend has a health check that finds out in NaN seconds. Allowed: interval, timeout and retries above 0 that come to 120 seconds or less. Manual M5: "Run Health Check".',
  },
  {
    refuses: "a health check that takes its time",
    resource: "Service backend",
    set: {
      "taskSpec.containerSpec.healthcheck.interval": "1m30s",
      "taskSpec.containerSpec.healthcheck.timeout": "500ms",
    },
    policy: "service-health-check",
    message:
      'Service backend has a health check that finds out in 271.5 seconds. Allowed: interval, timeout and retries above 0 that come to 120 seconds or less. Manual M5: "Run Health Check".',
  },
  {
    refuses: "a service without a memory limit",
    resource: "Service ops",
    set: { "taskSpec.resources.limits.memoryBytes": undefined },
    policy: "service-resource-limits",
    message:
      'Service ops has no memory limit. Allowed: taskSpec.resources.limits.memoryBytes above 0. Manual M35: "Out of Memory: Increase container memory limits".',
  },
  {
    refuses: "a service without a CPU limit",
    resource: "Service ops",
    set: { "taskSpec.resources.limits.nanoCpus": 0 },
    policy: "service-resource-limits",
    message:
      'Service ops has no CPU limit. Allowed: taskSpec.resources.limits.nanoCpus above 0. Manual M33: "High CPU Usage: Check for infinite loops in code".',
  },
  {
    refuses: "a service without a log driver",
    resource: "Service agent",
    set: { "taskSpec.logDriver": undefined },
    policy: "service-log-limits",
    message:
      'Service agent has no log driver. Allowed: taskSpec.logDriver json-file or local, with max-size and max-file. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "a log driver that does not rotate",
    resource: "Service agent",
    set: { "taskSpec.logDriver.name": "syslog" },
    policy: "service-log-limits",
    message:
      'Service agent has the log driver syslog. Allowed: taskSpec.logDriver json-file or local, with max-size and max-file. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "a log without a greatest size",
    resource: "Service agent",
    set: { "taskSpec.logDriver.options.max-size": undefined },
    policy: "service-log-limits",
    message:
      'Service agent does not rotate its log. Allowed: logDriver.options with max-size such as "10m" and max-file of 2 or more. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "a log that is as good as endless",
    resource: "Service agent",
    set: { "taskSpec.logDriver.options.max-size": "1g" },
    policy: "service-log-limits",
    message:
      'Service agent keeps 5120 MB of log. Allowed: max-size and max-file that come to 500 MB or less. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "a service that stays down after it ended well",
    resource: "Service backend",
    set: { "taskSpec.restartPolicy.condition": "on-failure" },
    policy: "service-restart",
    message:
      'Service backend is started again on the condition on-failure. Allowed: taskSpec.restartPolicy.condition "any". Manual M32: "Service Won\'t Start: Container fails to start or crashes immediately".',
  },
  {
    refuses: "a service without a restart policy",
    resource: "Service backend",
    set: { "taskSpec.restartPolicy": undefined },
    policy: "service-restart",
    message:
      'Service backend is started again on the condition that nobody wrote down. Allowed: taskSpec.restartPolicy.condition "any". Manual M32: "Service Won\'t Start: Container fails to start or crashes immediately".',
  },
  {
    refuses: "a service that is given up",
    resource: "Service backend",
    set: { "taskSpec.restartPolicy.maxAttempts": 3 },
    policy: "service-restart",
    message:
      'Service backend is given up after 3 attempts. Allowed: restartPolicy.maxAttempts 0, or not set. Manual M32: "Service Won\'t Start: Container fails to start or crashes immediately".',
  },
  {
    refuses: "the tag latest",
    resource: "Service nginx",
    set: { [IMAGE]: "registry.example.com:5000/nginx:latest" },
    policy: "service-image-version",
    message: `Service nginx runs the image registry.example.com:5000/nginx:latest, ${RAN_AWAY}. Manual M19: "Identify Previous Version".`,
  },
  {
    refuses: "an image without a tag, whose registry has a port",
    resource: "Service nginx",
    set: { [IMAGE]: "registry.example.com:5000/nginx" },
    policy: "service-image-version",
    message: `Service nginx runs the image registry.example.com:5000/nginx, ${RAN_AWAY}. Manual M19: "Identify Previous Version".`,
  },
  {
    refuses: "a second database server",
    resource: "Service db",
    set: { "mode.replicated.replicas": 2 },
    policy: "stateful-service-alone",
    message:
      'Service db runs 2 times. Allowed: mode.replicated.replicas 1: two tasks must never share its volume. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a cache on every node",
    resource: "Service redis",
    set: { mode: { global: true } },
    policy: "stateful-service-alone",
    message:
      'Service redis runs on every node. Allowed: mode.replicated.replicas 1: two tasks must never share its volume. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a database whose successor starts before it stops",
    resource: "Service db",
    set: { "updateConfig.order": "start-first" },
    policy: "stateful-service-alone",
    message:
      'Service db is updated start-first. Allowed: updateConfig.order "stop-first". Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a database that is rolled back while its successor runs",
    resource: "Service db",
    set: { "rollbackConfig.order": "start-first" },
    policy: "stateful-service-alone",
    message:
      'Service db is rolled back start-first. Allowed: rollbackConfig.order "stop-first", or not set. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a database without a volume",
    resource: "Service db",
    set: { "taskSpec.containerSpec.mounts.0.type": "tmpfs" },
    policy: "stateful-service-alone",
    message:
      'Service db keeps its data in the container. Allowed: a mount of type volume with a source, not read-only. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a backend that keeps uploads in its container",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.mounts": [] },
    policy: "stateful-service-alone",
    message:
      'Service backend keeps its data in the container. Allowed: a mount of type volume with a source, not read-only. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a volume that the stack does not declare",
    resource: "Volume postgres",
    policy: "volumes-declared",
    message:
      'Service db keeps /var/lib/postgresql/data on the volume fitnesscrm-local-postgres, which the stack does not declare. Allowed: the name of a docker.Volume of the stack. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "an update that stays where it failed",
    resource: "Service nginx",
    set: { "updateConfig.failureAction": "pause" },
    policy: "service-rollback",
    message:
      'Service nginx does pause when an update fails. Allowed: updateConfig.failureAction "rollback". Manual M20: "Rollback Code".',
  },
  {
    refuses: "a volume that a destroy would take along",
    resource: "Volume uploads",
    edit: (volume) => {
      volume.protect = false;
    },
    policy: "volume-protected",
    message:
      'Volume uploads is not protected from deletion. Allowed: the resource option protect: true. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a container that is no service",
    resource: "Container lonely",
    add: [declare("docker:index/container:Container", "lonely", { image: "debian:trixie-20250101" })],
    policy: "no-single-containers",
    message:
      'Container lonely is a container of its own. Allowed: a docker.Service. Manual M32: "Service Won\'t Start: Container fails to start or crashes immediately".',
  },
];

describe("policies on services", () => {
  refusals(cases);

  for (const image of [
    `sha256:${"a".repeat(64)}`,
    `registry.example.com:5000/nginx@sha256:${"a".repeat(64)}`,
    "registry.example.com:5000/nginx:1.26.3",
    "nginx:1.26",
  ]) {
    it(`service-image-version accepts ${image.slice(0, 50)}`, () => {
      const stack = change(happyStack(), "Service nginx", (nginx) => set(nginx, IMAGE, image));
      assert.deepEqual(judge(stack), []);
    });
  }

  for (const image of ["nginx", "nginx:LATEST", "nginx@sha256:abc", "nginx:", ""]) {
    it(`service-image-version refuses "${image}"`, () => {
      const stack = change(happyStack(), "Service nginx", (nginx) => set(nginx, IMAGE, image));
      assert.deepEqual(
        judge(stack).map(({ policy }) => policy),
        ["service-image-version"],
      );
    });
  }

  it("service-log-limits can be made stricter", () => {
    const config = { "service-log-limits": { megabytes: 100 } };
    const stack = [...happyStack().filter(({ type }) => !type.endsWith("Service")), service("ops")];
    assert.deepEqual(
      judge(stack, { config, only: ["service-log-limits"] }).map(({ message }) => message),
      [
        'Service ops keeps 500 MB of log. Allowed: max-size and max-file that come to 100 MB or less. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
      ],
    );
  });

  for (const [policy, path] of [
    ["service-log-limits", "taskSpec.logDriver"],
    ["service-restart", "taskSpec.restartPolicy"],
  ] as const) {
    const remedied = (stack: readonly Declared[]): Record<string, unknown> | undefined => {
      const rule = RULES.find(({ name }) => name === policy)?.policy as ResourceValidationPolicy;
      const nginx = stack.find(({ type, name }) => type.endsWith(":Service") && name === "nginx");
      const args = { type: nginx?.type, props: nginx?.props };
      return rule.remediateResource?.(args as ResourceValidationArgs) as Record<string, unknown> | undefined;
    };

    it(`${policy} can fill in what nobody declared, and nothing else`, () => {
      const bare = change(happyStack(), "Service nginx", (nginx) => set(nginx, path, undefined));
      const props = remedied(bare);
      assert.ok(props !== undefined);
      const filled = change(bare, "Service nginx", (nginx) => {
        nginx.props = props;
      });
      assert.deepEqual(judge(filled), []);
      assert.deepEqual(
        change(filled, "Service nginx", (nginx) => set(nginx, path, undefined)),
        bare,
      );
    });

    it(`${policy} leaves alone what is declared, even where it is wrong`, () => {
      const wrong = change(happyStack(), "Service nginx", (nginx) => set(nginx, path, {}));
      assert.equal(remedied(wrong), undefined);
      assert.ok(judge(wrong).some((violation) => violation.policy === policy));
    });
  }
});
