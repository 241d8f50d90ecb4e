import assert from "node:assert/strict";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const PROJECT = join(__dirname, "..", "..", "..");
const FOLDER = join(PROJECT, ".github", "workflows");

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}

interface Job {
  if?: string;
  needs?: string;
  environment?: string;
  permissions?: Record<string, string>;
  steps: Step[];
}

interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  concurrency?: { group: string; "cancel-in-progress": unknown };
  jobs: Record<string, Job>;
}

const text = (name: string): string => readFileSync(join(FOLDER, name), "utf8");
const names = readdirSync(FOLDER);
const workflows = new Map(names.map((name) => [name, parse(text(name)) as Workflow]));
const jobs = [...workflows].flatMap(([file, { jobs: found }]) =>
  Object.entries(found).map(([name, job]) => ({ file, name, job, label: `${file}: ${name}` })),
);

function workflow(name: string): Workflow {
  const found = workflows.get(name);
  assert.ok(found, name);
  return found;
}

function jobOf(file: string, name: string): Job {
  const found = workflow(file).jobs[name];
  assert.ok(found, `${file}: ${name}`);
  return found;
}

describe("the workflows", () => {
  it("are those for tests, previews, deployments, drift and audits", () => {
    assert.deepEqual(names.toSorted(), ["audit.yml", "deploy.yml", "drift.yml", "preview.yml", "test.yml"]);
  });

  it("pin every action by its commit, with its version beside it", () => {
    for (const name of names) {
      for (const [line] of text(name).matchAll(/^.*\buses:.*$/gm)) {
        assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${name}: ${line.trim()}`);
      }
    }
  });

  it("give nothing that a job does not ask for, and leave no token in the checkout", () => {
    for (const [name, { permissions }] of workflows) {
      assert.deepEqual(permissions, {}, name);
    }
    for (const { job, label } of jobs) {
      assert.ok(job.permissions !== undefined, label);
      for (const step of job.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
        assert.equal(step.with?.["persist-credentials"], false, label);
      }
    }
  });

  it("put no word of a stranger into a command line", () => {
    for (const { job, label } of jobs) {
      for (const { run } of job.steps) {
        assert.doesNotMatch(run ?? "", /\$\{\{/, label);
      }
    }
  });

  it("never run a pull request's code with the base branch's rights", () => {
    for (const [name, { on }] of workflows) {
      assert.ok(!("pull_request_target" in on) && !("workflow_run" in on), name);
    }
  });

  it("take an identity and secrets only in a job with an environment", () => {
    for (const { job, label } of jobs) {
      if (job.permissions?.["id-token"] !== undefined || JSON.stringify(job).includes("secrets.")) {
        assert.ok(job.environment !== undefined, label);
      }
    }
  });

  it("call scripts that are there and can be run", () => {
    const called = jobs.flatMap(({ job }) =>
      job.steps.flatMap(({ run }) => run?.match(/scripts\/ci\/[\w.-]+/g) ?? []),
    );
    assert.deepEqual([...new Set(called)].sort(), [
      "scripts/ci/comment.ts",
      "scripts/ci/deploy",
      "scripts/ci/drift",
      "scripts/ci/drift-issue.ts",
      "scripts/ci/preview",
      "scripts/ci/ssh",
    ]);
    for (const path of called) {
      accessSync(join(PROJECT, path), path.endsWith(".ts") ? constants.R_OK : constants.X_OK);
    }
  });
});

describe("a pull request from a fork", () => {
  it("gets unit and policy checks, without secret, identity or environment", () => {
    const job = jobOf("preview.yml", "checks");
    assert.match(job.if ?? "", /head\.repo\.full_name != github\.repository/);
    assert.deepEqual(job.permissions, { contents: "read" });
    assert.equal(job.environment, undefined);
    assert.doesNotMatch(JSON.stringify(job), /secrets\.|vars\./);
    assert.deepEqual(
      job.steps.flatMap(({ run }) => run ?? []),
      ["./fitnesscrm test --quick"],
    );
  });

  it("gets no preview, no comment and no full test", () => {
    assert.match(jobOf("preview.yml", "preview").if ?? "", /head\.repo\.full_name == github\.repository/);
    assert.equal(jobOf("preview.yml", "comment").needs, "preview");
    assert.match(jobOf("preview.yml", "comment").if ?? "", /needs\.preview\.result != 'skipped'/);
    assert.match(jobOf("test.yml", "test").if ?? "", /head\.repo\.full_name == github\.repository/);
  });
});

describe("a preview", () => {
  it("has an identity in its own job only, and may write nothing there", () => {
    assert.deepEqual(jobOf("preview.yml", "preview").permissions, { contents: "read", "id-token": "write" });
  });

  it("is commented by a job that has no identity, no secret and the base branch's code", () => {
    const job = jobOf("preview.yml", "comment");
    assert.deepEqual(job.permissions, { contents: "read", "pull-requests": "write" });
    assert.doesNotMatch(JSON.stringify(job), /secrets\./);
    assert.equal(job.steps[0]?.with?.ref, "${{ github.event.pull_request.base.sha }}");
  });
});

describe("a deployment", () => {
  it("is one at a time, never cancelled halfway, behind an environment, from main only", () => {
    const { concurrency, on } = workflow("deploy.yml");
    assert.equal(concurrency?.["cancel-in-progress"], false);
    assert.deepEqual(on.push, { branches: ["main"] });
    const job = jobOf("deploy.yml", "deploy");
    assert.equal(job.environment, "production");
    assert.match(job.if ?? "", /github\.ref == 'refs\/heads\/main'/);
  });

  it("is never dropped for a look at drift", () => {
    assert.notEqual(workflow("deploy.yml").concurrency?.group, workflow("drift.yml").concurrency?.group);
  });
});

describe("the audit of the pages (M15)", () => {
  it("is made every month, by the command that an operator has, and may write nothing at GitHub", () => {
    assert.match(JSON.stringify(workflow("audit.yml").on.schedule), /"cron":"\d+ \d+ \d+ \* \*"/);
    const job = jobOf("audit.yml", "audit");
    assert.deepEqual(job.permissions, { contents: "read" });
    assert.equal(job.steps.at(-1)?.run, './fitnesscrm audit --stack "$STACK"');
  });
});

describe("the look at drift", () => {
  it("is made every night, changes nothing, and may write issues only", () => {
    assert.match(JSON.stringify(workflow("drift.yml").on.schedule), /"cron":"\d+ \d+ \* \* \*"/);
    const job = jobOf("drift.yml", "drift");
    assert.deepEqual(job.permissions, { contents: "read", "id-token": "write", issues: "write" });
    assert.doesNotMatch(job.steps.map(({ run }) => run).join("\n"), /\bup\b|deploy/);
  });
});
