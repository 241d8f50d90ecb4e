import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Entry } from "../../../../scripts/ci/github";

const PAGE = 2;

/** As much of GitHub's API as the workflows call, with lists on several pages. */
export class FakeGitHub {
  readonly calls: { method: string; path: string; body: unknown; authorization: string | undefined }[] = [];
  /** What is listed, by path. */
  readonly lists = new Map<string, Entry[]>();
  /** Answer to everything that is no list. */
  status = 200;

  private readonly server: Server = createServer((request, response) => {
    void this.answer(request).then(({ status, json, link }) => {
      response.writeHead(status, {
        "content-type": "application/json",
        ...(link !== undefined && { link }),
      });
      response.end(JSON.stringify(json));
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What was written, in order. */
  get writes(): { method: string; path: string; body: unknown }[] {
    return this.calls
      .filter(({ method }) => method !== "GET")
      .map(({ method, path, body }) => ({ method, path, body }));
  }

  private async answer(request: IncomingMessage): Promise<{ status: number; json: unknown; link?: string }> {
    let text = "";
    for await (const chunk of request) {
      text += String(chunk);
    }
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const path = pathname.replace("/repos/owner/name", "");
    const method = request.method ?? "";
    this.calls.push({
      method,
      path,
      body: text === "" ? undefined : (JSON.parse(text) as unknown),
      authorization: request.headers.authorization,
    });
    const list = this.lists.get(path);
    if (method !== "GET" || list === undefined) {
      return { status: this.status, json: this.status < 300 ? {} : { message: "Resource not accessible" } };
    }
    const page = Number(searchParams.get("page") ?? "1");
    const entries = list.slice((page - 1) * PAGE, page * PAGE);
    return page * PAGE < list.length
      ? { status: 200, json: entries, link: `<${this.url}${pathname}?page=${page + 1}>; rel="next"` }
      : { status: 200, json: entries };
  }
}

export const bot = { login: "github-actions[bot]", type: "Bot" };
export const person = { login: "ada", type: "User" };
