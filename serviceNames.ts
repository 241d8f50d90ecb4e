/** Services of the stack, in the order in which they depend on each other. */
export const SERVICES = [
  "db",
  "redis",
  "backend",
  "frontend",
  "nginx",
  "ops",
  "restore",
  "engine",
  "agent",
] as const;
export type ServiceName = (typeof SERVICES)[number];
