import { type Asked, type Facts, type Finding, isKnown, type Level, type Limits } from "../facts";
import { judgeDatabase, judgeDisks, judgeLoad, judgeRedis, judgeRequest } from "./resources";
import { judgeService } from "./services";

export interface Diagnosis {
  /** Nothing is broken. What is not right, or not known, is no reason to say otherwise. */
  readonly healthy: boolean;
  /** The worst first; among equals as the manual goes through them. */
  readonly findings: readonly Finding[];
}

const LEVELS: readonly Level[] = ["fail", "warn", "unknown", "ok"];

/** Goes through the manual's troubleshooting (M32 to M36). Pure: the same facts are judged the same. */
export function diagnose(facts: Facts, limits: Limits): Diagnosis {
  const findings: Finding[] = [
    ...judgeEngine(facts.engineProblem),
    ...known("services", facts.services, (services) => services.flatMap(judgeService)),
    ...(facts.database === undefined
      ? []
      : known("database", facts.database, (database) => judgeDatabase(database, limits))),
    ...(facts.redis === undefined
      ? []
      : known("redis-answer", facts.redis, (answer) => [judgeRedis(answer)])),
    ...known("disk", facts.disks, (disks) => judgeDisks(disks, limits)),
    ...known("load", facts.stats, (stats) =>
      judgeLoad(stats, isKnown(facts.processes) ? facts.processes.answer : [], limits),
    ),
    ...facts.requests.map((request) => judgeRequest(request, limits)),
  ];
  const sorted = [...findings].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  return { healthy: findings.every(({ level }) => level !== "fail"), findings: sorted };
}

function judgeEngine(problem: string | undefined): Finding[] {
  return problem === undefined
    ? [{ level: "ok", part: "docker", cause: "ok", what: "answers, Swarm is active" }]
    : [
        {
          level: "fail",
          part: "docker",
          cause: "engine-down",
          what: problem,
          todo: "./fitnesscrm up starts the engine of this machine; on a server: `systemctl status docker`; it brings every service back by itself",
        },
      ];
}

function known<T>(part: string, asked: Asked<T>, judge: (answer: T) => Finding[]): Finding[] {
  return isKnown(asked)
    ? judge(asked.answer)
    : [{ level: "unknown", part, cause: "unknown", what: asked.unknown }];
}
