import { columns, size } from "../table";
import type { Level, ProcessFacts, RequestFacts } from "./facts";
import type { Diagnosis } from "./judge/judge";

const SHOWN: Readonly<Record<Level, string>> = { fail: "FAIL", warn: "warn", unknown: "?", ok: "ok" };
const PROCESSES = 5;

/** For a person: what is wrong first, with what to do and what shows it; then the phases of a request and the busiest processes. */
export function formatDiagnosis(
  { findings, healthy }: Diagnosis,
  { requests, processes }: { requests: readonly RequestFacts[]; processes: readonly ProcessFacts[] },
): string {
  const width = Math.max(...findings.map(({ part }) => part.length));
  const lines = findings.flatMap(({ level, part, what, todo, evidence = [] }) => [
    `${SHOWN[level].padEnd(4)}  ${part.padEnd(width)}  ${what}`,
    ...(todo === undefined ? [] : [`      ${"".padEnd(width)}  do: ${todo}`]),
    ...evidence.map((line) => `      ${"".padEnd(width)}  | ${line}`),
  ]);
  const failed = findings.filter(({ level }) => level === "fail").length;
  return [
    ...lines,
    ...(requests.length === 0 ? [] : ["", "A request through the edge (M36):", ...showRequests(requests)]),
    ...(processes.length === 0
      ? []
      : ["", "The busiest processes (M33):", ...showProcesses(processes.slice(0, PROCESSES))]),
    "",
    healthy ? "Nothing is broken." : `${failed} ${failed === 1 ? "check fails" : "checks fail"}.`,
  ].join("\n");
}

function showRequests(requests: readonly RequestFacts[]): string[] {
  const milliseconds = (value: number | null): string => (value === null ? "-" : `${value.toFixed(1)} ms`);
  return columns(
    ["LOOK-UP", "CONNECT", "TLS", "FIRST BYTE", "TOTAL", "STATUS", "URL"],
    requests.map(({ lookupMs, connectMs, tlsMs, waitMs, totalMs, status, problem, url }) => [
      ...[lookupMs, connectMs, tlsMs, waitMs, totalMs].map(milliseconds),
      status === null ? (problem ?? "-") : String(status),
      url,
    ]),
  );
}

function showProcesses(processes: readonly ProcessFacts[]): string[] {
  return columns(
    ["CPU", "SINCE START", "MEMORY", "PID", "SERVICE", "COMMAND"],
    processes.map(({ nowPercent, lifePercent, memoryBytes, pid, service, command }) => [
      `${nowPercent.toFixed(0)} %`,
      `${lifePercent.toFixed(1)} %`,
      size(memoryBytes),
      String(pid),
      service,
      command,
    ]),
  );
}
