import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { Client } from "pg";
import type { Check } from "./health";
import { pingRedis } from "./redis-ping";

/** A secret's value without the newline that files tend to end with. Read each time: it costs nothing. */
export async function secret(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\n$/, "");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new Error(`the secret ${path} is ${code === "ENOENT" ? "missing" : `not readable (${code})`}`);
  }
}

/** A statement as the ops role. */
export function databaseCheck(urlFile: string, timeoutMs: number): Check {
  return async () => {
    const client = new Client({
      connectionString: await secret(urlFile),
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      application_name: "fitnesscrm-ops-health",
    });
    // A connection that breaks outside a query is reported here, and would end the process without a listener.
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("SELECT 1");
    } finally {
      await client.end().catch(() => undefined);
    }
    return undefined;
  };
}

export function redisCheck(urlFile: string, timeoutMs: number): Check {
  return async () => {
    await pingRedis(await secret(urlFile), timeoutMs);
    return undefined;
  };
}

/** The reason that a health answer gives itself, if it gives one. */
export function reasonInBody(body: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    if (
      typeof answer === "object" &&
      answer !== null &&
      "reason" in answer &&
      typeof answer.reason === "string"
    ) {
      return answer.reason;
    }
  } catch {
    // Not JSON: the status alone has to do.
  }
  return undefined;
}

/** A GET that must be answered with 2xx. */
export function httpCheck(url: string, timeoutMs: number): Check {
  return () =>
    new Promise((resolve, reject) => {
      // A connection of its own each time: a kept one would only ever see the replica that it was opened to.
      const request = get(url, { agent: false, timeout: timeoutMs }, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= 65_536) {
            chunks.push(chunk);
          }
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          if (status >= 200 && status < 300) {
            resolve(undefined);
            return;
          }
          const reason = reasonInBody(Buffer.concat(chunks).toString("utf8"));
          reject(new Error(`${url} answered ${status}${reason ? `: ${reason}` : ""}`));
        });
      });
      request.on("timeout", () => request.destroy(new Error(`${url} gave no answer within ${timeoutMs} ms`)));
      request.on("error", reject);
    });
}
