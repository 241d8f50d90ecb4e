import { createServer, type Server } from "node:http";
import { type HealthMonitor, reasonOf } from "./health";
import type { TaskStatus } from "./tasks/scheduler";

/**
 * `GET /health`: the report as JSON, 200 when everything is healthy and 503 when not.
 * `GET /live`: 200 as long as this process works. This is the container's own health check: with `/health`, the
 * engine would replace this container because the database is away.
 * `GET /tasks`: the container's own tasks and how each ended last.
 */
export function healthServer(monitor: HealthMonitor, tasks: () => Promise<TaskStatus[]>): Server {
  return createServer((request, response) => {
    const answer = (status: number, body: unknown) => {
      const text = `${JSON.stringify(body)}\n`;
      response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    const path = (request.url ?? "/").split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(405, { error: "only GET is allowed" });
    } else if (path === "/health") {
      const report = monitor.report();
      answer(report.healthy ? 200 : 503, report);
    } else if (path === "/live") {
      const alive = monitor.alive();
      answer(alive ? 200 : 503, { alive });
    } else if (path === "/tasks") {
      tasks().then(
        (found) => answer(200, found),
        (error: unknown) => answer(500, { error: reasonOf(error) }),
      );
    } else {
      answer(404, { error: "GET /health, GET /live and GET /tasks are here" });
    }
  });
}
