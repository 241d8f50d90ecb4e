import { createServer } from "node:net";
import { run } from "./exec";

/** Whether nothing listens on a port, on one address or on all of them. */
export function isPortFree(port: number, address?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, ...(address !== undefined && { host: address }), exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

/** Who listens on a port, such as `nginx (process 812)`, as far as this user may know. */
export async function whoListens(port: number): Promise<string | undefined> {
  const { code, stdout } = await run("ss", ["-Hltnp", `sport = :${port}`], { timeoutSeconds: 5 });
  const found = code === 0 ? /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout) : null;
  return found === null ? undefined : `${found[1]} (process ${found[2]})`;
}
