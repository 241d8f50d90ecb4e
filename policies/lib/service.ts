import { known, type Member, type Stack } from "./rule";
import type { Props } from "./types";

export const SERVICE = "docker:index/service:Service";
export type Service = Props<typeof SERVICE>;

type Task = Service["taskSpec"];
type Container = Task["containerSpec"];

/** What a service's tasks are made of. Nothing of it counts as declared where it is missing. */
export function task(service: Partial<Service>): Partial<Task> {
  return service.taskSpec ?? {};
}

/** What a service's containers are made of. */
export function container(service: Partial<Service>): Partial<Container> {
  return task(service).containerSpec ?? {};
}

/** Which service of the stack this is, by its label: `db`, `redis`, `backend`, … */
export function serviceName(service: Partial<Service>): string | undefined {
  return service.labels?.find(({ label }) => label === "fitnesscrm.service")?.value;
}

/** The stack's service of this name; more than one where somebody declared it twice. */
export function named(stack: Stack, name: string): Member<typeof SERVICE>[] {
  return stack.of(SERVICE).filter(({ props }) => known(() => serviceName(props)) === name);
}

/** A size as the engine's log drivers read it (`10m`, `512k`, `1g`, bytes without a letter), in megabytes. */
export function megabytes(size: string | undefined): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?)b?$/i.exec(size ?? "") ?? [];
  const scale = { "": 1 / 1024 ** 2, k: 1 / 1024, m: 1, g: 1024 }[(unit ?? "").toLowerCase()];
  return number === undefined || scale === undefined ? Number.NaN : Number(number) * scale;
}

/** A duration as the engine reads it (`5s`, `1m30s`, `500ms`), in seconds; NaN when it is none. */
export function seconds(text: string): number {
  const scale: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const whole = parts.map(([part]) => part).join("") === text;
  return whole && parts.length > 0
    ? parts.reduce((sum, [, number, unit]) => sum + Number(number) * (scale[unit ?? ""] ?? Number.NaN), 0)
    : Number.NaN;
}
