import { type Basis, known, type Member, type Rule, type Stack, stackRule } from "./lib/rule";
import { named, SERVICE } from "./lib/service";

const COMMAND = "command:local:Command";
const STACK = "pulumi:pulumi:Stack";

const BEFORE: Basis = { row: "M16", says: "Pre-Deployment: Backup database, Run health check" };
const AFTER: Basis = {
  row: "M18",
  says: "Post-Deployment: Verify services, Check logs, Test critical endpoints",
};
const MIGRATE: Basis = { row: "M17", says: "Deploy: Rebuild and restart" };
const VERSION: Basis = { row: "M19", says: "Identify Previous Version" };
const RECORD: Basis = { row: "M56", says: "Update after each deployment, Record configuration changes" };

type Gate = Member<typeof COMMAND>;

type Stage = "before" | "migrate" | "after";

function isGate({ props }: Gate, stage: Stage): boolean {
  return new RegExp(`\\bfitnesscrm gate ${stage}(\\s|$)`).test(String(props.create ?? ""));
}

/** The commands that are a gate, by what they run. */
function gates(stack: Stack, stage: Stage): Gate[] {
  return stack.of(COMMAND).filter((command) => known(() => isGate(command, stage)));
}

/** Undecided while there is a command of which it is not known what it runs. */
function lacks(stack: Stack, stage: Stage): boolean {
  return stack.complete && !stack.of(COMMAND).some((command) => isGate(command, stage));
}

/** A command without a trigger runs once in the life of a stack. */
function mustRunEachTime(gate: Gate, basis: Basis): void {
  gate.judge.must(
    () => (gate.props.triggers ?? []).length > 0,
    "runs at the first deployment and at no other",
    "triggers with the attempt's id",
    basis,
  );
}

const before = stackRule(
  {
    name: "gate-before-deployment",
    section: "Deployment Procedures",
    basis: BEFORE,
    demands:
      "Before any service changes, a gate has seen the stack healthy and made a backup; it runs at each attempt.",
  },
  (stack) => {
    stack.judge.must(
      () => !lacks(stack, "before"),
      "is deployed without a gate before it",
      "a command.local.Command that runs ./fitnesscrm gate before",
    );
    for (const gate of gates(stack, "before")) {
      mustRunEachTime(gate, BEFORE);
      for (const service of stack.of(SERVICE)) {
        service.judge.must(
          () => service.comesAfter(gate),
          `may change before ${gate.name} has said yes`,
          `dependsOn ${gate.name}`,
        );
      }
    }
  },
);

const migrate = stackRule(
  {
    name: "gate-migration",
    section: "Deployment Procedures",
    basis: MIGRATE,
    demands:
      "The migration of a release, where it has one, runs after the backup and before the backend changes.",
  },
  (stack) => {
    for (const gate of gates(stack, "migrate")) {
      mustRunEachTime(gate, MIGRATE);
      for (const first of gates(stack, "before")) {
        gate.judge.must(
          () => gate.comesAfter(first),
          `may change the schema before ${first.name} has made a backup`,
          `dependsOn ${first.name}`,
          BEFORE,
        );
      }
      for (const backend of named(stack, "backend")) {
        backend.judge.must(
          () => backend.comesAfter(gate),
          "may start on a schema that it does not know",
          `dependsOn ${gate.name}`,
        );
      }
    }
  },
);

const after = stackRule(
  {
    name: "gate-after-deployment",
    section: "Deployment Procedures",
    basis: AFTER,
    demands: "After all services have changed, a gate verifies them; it runs at each attempt.",
  },
  (stack) => {
    stack.judge.must(
      () => !lacks(stack, "after"),
      "is deployed without a gate after it",
      "a command.local.Command that runs ./fitnesscrm gate after",
    );
    for (const gate of gates(stack, "after")) {
      mustRunEachTime(gate, AFTER);
      for (const service of stack.of(SERVICE)) {
        gate.judge.must(
          () => gate.comesAfter(service),
          `may say yes before the service ${service.name} has changed`,
          `dependsOn ${service.name}`,
        );
      }
    }
  },
);

/** Images that a release is made of. */
const IMAGES = ["backend", "frontend", "db", "redis", "nginx", "ops", "engine", "agent"] as const;

/** What the application runs with, which a rollback applies again. */
const APPLICATION = ["source", "version", "environment", "logLevel", "allowedOrigins"] as const;

/** What else is known of a release: key, in words, types, row. */
const FACTS: readonly (readonly [key: string, what: string, types: readonly string[], basis: Basis])[] = [
  ["commit", "which commit it runs", ["string", "null"], VERSION],
  ["dirty", "whether files differ from its commit", ["boolean"], VERSION],
  ["attempt", "which attempt to deploy it was", ["string"], RECORD],
  ["startedAt", "when it was deployed", ["string"], RECORD],
  ["by", "who deployed it", ["string"], RECORD],
  ["backup", "what was saved before it was deployed", ["string", "null"], BEFORE],
];

const release = stackRule(
  {
    name: "release-recorded",
    section: "Deployment Procedures",
    basis: VERSION,
    demands:
      "The stack's output `release` says what runs: images by digest, the application's settings, commit, attempt, the backup made before it.",
  },
  (stack) => {
    for (const root of stack.of(STACK)) {
      const recorded = (): Readonly<Record<string, unknown>> => Object(root.props.release);
      const images = (): Readonly<Record<string, unknown>> => Object(recorded().images);
      for (const image of IMAGES) {
        root.judge.must(
          () => !stack.complete || /(^|@)sha256:[0-9a-f]{64}$/.test(String(images()[image])),
          `does not say which image of ${image} it runs`,
          `the output release.images.${image} with an image ID or a digest`,
        );
      }
      for (const key of APPLICATION) {
        root.judge.must(
          () => !stack.complete || Object(recorded().app)[key] !== undefined,
          `does not say the ${key} that its application runs with`,
          `the output release.app.${key}`,
          { row: "M20", says: "Rollback Code" },
        );
      }
      for (const [key, what, types, basis] of FACTS) {
        root.judge.must(
          () => !stack.complete || types.includes(typeOf(recorded()[key])),
          `does not say ${what}`,
          `the output release.${key}`,
          basis,
        );
      }
    }
  },
);

function typeOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

export const GATES: readonly Rule[] = [before, migrate, after, release];
