import { databaseCheck, httpCheck, redisCheck } from "./checks";
import { HealthMonitor } from "./health";
import { healthServer } from "./server";

const TIMEOUT_MS = 5_000;

function fail(message: string): never {
  process.stderr.write(`ops: ${message}\n`);
  process.exit(78);
}

/** A whole number from the environment, between `lowest` and `highest`. */
function setting(name: string, fallback: number, lowest: number, highest: number): number {
  const text = process.env[name] ?? String(fallback);
  const value = Number(text);
  return Number.isInteger(value) && value >= lowest && value <= highest
    ? value
    : fail(`${name} is "${text}": a whole number from ${lowest} to ${highest} is allowed`);
}

const secrets = process.env.OPS_SECRETS_DIR ?? "/run/secrets";
const port = setting("OPS_PORT", 8080, 1, 65_535);
const monitor = new HealthMonitor({
  checks: {
    database: databaseCheck(`${secrets}/ops_database_url`, TIMEOUT_MS),
    redis: redisCheck(`${secrets}/redis_url`, TIMEOUT_MS),
    backend: httpCheck(process.env.OPS_BACKEND_URL ?? "http://backend:5000/api/health", TIMEOUT_MS),
  },
  intervalMs: setting("OPS_INTERVAL_SECONDS", 10, 1, 3600) * 1000,
  timeoutMs: TIMEOUT_MS + 500,
});
const server = healthServer(monitor);

server.on("error", (error) => fail(`port ${port} cannot be used: ${error.message}`));
server.listen(port, () => {
  process.stdout.write(`ops: listening on ${port}\n`);
  monitor.start();
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    monitor.stop();
    server.closeIdleConnections();
    server.close(() => process.exit(0));
    // A client that never finishes its request does not keep the container.
    setTimeout(() => process.exit(0), 3_000).unref();
  });
}
