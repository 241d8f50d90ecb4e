import { type Cause, causeOf } from "../causes";
import type { Finding, ServiceFacts, TaskFacts } from "../facts";

/** What FitnessCRM's backend insists on (see the application's contract in the README). */
const NEEDED_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  backend: ["DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_ORIGINS"],
};

/** Why a service does not start or does not stay (M32, M35), one finding a fault; a single `ok` when there is none. */
export function judgeService(facts: ServiceFacts): Finding[] {
  const { service } = facts;
  const fail = (cause: string, what: string, todo: string, evidence: readonly string[] = []): Finding => ({
    level: "fail",
    part: service,
    cause,
    what,
    todo,
    ...(evidence.length > 0 && { evidence }),
  });
  if (!facts.exists) {
    return [fail("not-deployed", "its service does not exist", "./fitnesscrm up deploys it")];
  }
  const environment = judgeEnvironment(facts);
  if (facts.wanted === 0) {
    return [fail("stopped", "is stopped: no task is wanted", "./fitnesscrm up starts it"), ...environment];
  }
  const findings = [...judgeTasks(facts), ...environment];
  return findings.length === 0
    ? [
        {
          level: "ok",
          part: service,
          cause: "ok",
          what: `${running(facts.tasks).length} of ${facts.wanted} tasks run, with all their files and variables`,
        },
      ]
    : findings;
}

function running(tasks: readonly TaskFacts[]): TaskFacts[] {
  return tasks.filter(
    ({ state, desiredState, unwell }) =>
      state === "running" && desiredState === "running" && unwell === undefined,
  );
}

function judgeTasks(facts: ServiceFacts): Finding[] {
  const { service, tasks, wanted, updateState, updateMessage, log } = facts;
  const well = running(tasks).length;
  const failures = tasks.flatMap((task) => {
    const cause = causeOf(task, facts);
    return cause === undefined ? [] : [cause];
  });
  const [cause] = failures;
  const times = failures.filter((one) => one.cause === cause?.cause).length;
  const said = (one: Cause): string => `${one.what}${times > 1 ? `, ${times} times lately` : ""}`;
  const evidence = log.length > 0 ? { evidence: log } : {};
  if (well < wanted) {
    const sick = tasks.find(({ unwell, desiredState }) => unwell !== undefined && desiredState === "running");
    const why: Cause =
      sick?.unwell !== undefined
        ? {
            cause: "health-check",
            what: `runs, but is unwell: ${sick.unwell}`,
            todo: "its last lines below; what it needs is checked further down",
          }
        : (cause ?? waiting(tasks[0]));
    return [
      {
        level: "fail",
        part: service,
        cause: why.cause,
        what: `${well} of ${wanted} tasks run: ${why === cause ? said(why) : why.what}`,
        todo: why.todo,
        ...evidence,
      },
    ];
  }
  if (updateState === "paused" || updateState === "rollback_paused") {
    return [
      {
        level: "fail",
        part: service,
        cause: cause?.cause ?? "update-paused",
        what: `its update stopped half-way, the old task serves on: ${cause === undefined ? updateMessage : said(cause)}`,
        todo: cause?.todo ?? "./fitnesscrm up, or ./fitnesscrm rollback",
        ...evidence,
      },
    ];
  }
  return cause === undefined
    ? []
    : [
        {
          level: "warn",
          part: service,
          cause: cause.cause,
          what: `runs now, but a task of it failed before: ${said(cause)}`,
          todo: cause.todo,
          ...evidence,
        },
      ];
}

function waiting(newest: TaskFacts | undefined): Cause {
  return {
    cause: "starting",
    what: newest === undefined ? "none was started yet" : `the newest is ${newest.state}`,
    todo: "look again in a minute: pulling an image or starting takes that long",
  };
}

/** What it is given, against what it asks for (the manual: "Check environment variables", "Review configuration files"). */
function judgeEnvironment(facts: ServiceFacts): Finding[] {
  const { service, files, secretFiles, variables, emptyVariables, absentFiles } = facts;
  const given = files.filter(({ kind }) => kind === "secret").map(({ file }) => file);
  const faults: [cause: string, names: readonly string[], what: (names: string) => string][] = [
    [
      "secret-missing",
      secretFiles.filter((file) => !given.includes(file)),
      (names) => `its variables are read from secret files that it is not given: ${names}`,
    ],
    [
      "secret-missing",
      files.filter(({ kind, exists }) => kind === "secret" && !exists).map(({ name }) => name),
      (names) => `secrets that it is given are not on the engine: ${names}`,
    ],
    [
      "config-missing",
      files.filter(({ kind, exists }) => kind === "config" && !exists).map(({ name }) => name),
      (names) => `files that it is given are not on the engine: ${names}`,
    ],
    [
      "file-missing",
      absentFiles,
      (names) => `files that it is given are missing or empty in its container: ${names}`,
    ],
    [
      "environment",
      (NEEDED_VARIABLES[service] ?? []).filter((name) => !variables.includes(name)),
      (names) => `variables that it insists on are not set: ${names}`,
    ],
    ["environment", emptyVariables, (names) => `variables of it are empty: ${names}`],
  ];
  return faults
    .filter(([, names]) => names.length > 0)
    .map(([cause, names, what]) => ({
      level: cause === "environment" && names === emptyVariables ? "warn" : "fail",
      part: service,
      cause,
      what: what(names.join(", ")),
      todo: "somebody changed the service by hand, or its configuration lacks them: ./fitnesscrm up --refresh puts it right",
    }));
}
