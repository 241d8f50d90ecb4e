import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export const TOKEN = "planted-token-0123456789abcdef";

/** What a server saw of a request. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

type Answering = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server of this machine that answers as a test wants it to. */
export class OutsideServer {
  readonly seen: Seen[] = [];
  /** In place of what it does otherwise, until it is taken away again. */
  instead: Answering | undefined;
  private readonly server: Server;

  constructor(answering: Answering) {
    this.server = createServer((request, response) => {
      void text(request).then((body) => {
        const { method = "", url = "", headers } = request;
        this.seen.push({ method, path: url, authorization: headers.authorization, body });
        (this.instead ?? answering)(request, response, body);
      });
    });
  }

  /** @param address Of this machine: the loopback's, or a bridge's for containers to reach it. */
  async open(address = "127.0.0.1"): Promise<void> {
    this.server.listen(0, address);
    await once(this.server, "listening");
  }

  get url(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}

export function json(
  response: ServerResponse,
  status: number,
  content: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(content));
}

/** An issue as GitHub keeps it. */
export interface KeptIssue {
  number: number;
  title: string;
  body: string | null;
  state: "open" | "closed";
  state_reason: string | null;
  closed_at: string | null;
  labels: { name: string }[];
  pull_request?: object;
  comments: string[];
}

/** GitHub's issues of one repository, as far as tickets need them, kept in memory. */
export class GitHub {
  readonly issues: KeptIssue[] = [];
  readonly server = new OutsideServer((request, response, body) =>
    this.answerAsEver(request, response, body),
  );
  /** Whether the token's owner may set labels; GitHub leaves them out without a word otherwise. */
  mayLabel = true;
  /** So that a few issues are several pages; GitHub's own limit is what is asked for, 100 at most. */
  largestPage = 100;

  /** How often anything was written. */
  get writes(): number {
    return this.server.seen.filter(({ method }) => method !== "GET").length;
  }

  add(issue: Partial<KeptIssue>): KeptIssue {
    const made: KeptIssue = {
      number: this.issues.length + 1,
      title: "",
      body: "",
      state: "open",
      state_reason: null,
      closed_at: null,
      labels: [],
      comments: [],
      ...issue,
    };
    this.issues.push(made);
    return made;
  }

  close(number: number, at: string, reason = "completed"): void {
    const issue = this.issues.find((one) => one.number === number);
    Object.assign(issue ?? {}, { state: "closed", closed_at: at, state_reason: reason });
  }

  answerAsEver(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? "", this.server.url);
    const [, below] = /^\/repos\/example\/crm\/issues(.*)$/.exec(url.pathname) ?? [];
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      json(response, 401, { message: "Bad credentials" });
    } else if (below === undefined) {
      json(response, 404, { message: "Not Found" });
    } else if (request.method === "GET") {
      this.list(url, response);
    } else {
      this.write(below, JSON.parse(body), response);
    }
  }

  private list(url: URL, response: ServerResponse): void {
    const asked = url.searchParams;
    const size = Math.min(Number(asked.get("per_page") ?? 30), this.largestPage);
    const page = Number(asked.get("page") ?? 1);
    const matching = this.issues
      .filter(({ labels, state }) => {
        const isAsked = asked.get("state") === "all" || state === (asked.get("state") ?? "open");
        return isAsked && labels.some(({ name }) => name === asked.get("labels"));
      })
      // The newest first.
      .reverse();
    const shown = matching.slice((page - 1) * size, page * size);
    url.searchParams.set("page", String(page + 1));
    const last = `<${this.server.url}/last>; rel="last"`;
    const link: Record<string, string> =
      page * size < matching.length ? { Link: `<${url.href}>; rel="next", ${last}` } : {};
    json(response, 200, shown, link);
  }

  private write(below: string, content: Partial<KeptIssue> & { labels?: unknown }, response: ServerResponse) {
    const [, number, rest] = /^\/(\d+)(\/comments)?$/.exec(below) ?? [];
    const issue = this.issues.find((one) => String(one.number) === number);
    if (below === "") {
      const named = (content.labels as unknown as string[]).map((name) => ({ name }));
      json(response, 201, this.add({ ...content, labels: this.mayLabel ? named : [] }));
    } else if (issue === undefined) {
      json(response, 404, { message: "Not Found" });
    } else if (rest !== undefined) {
      issue.comments.push(String(content.body));
      json(response, 201, { body: content.body });
    } else {
      Object.assign(
        issue,
        content,
        content.state === "open" ? { state_reason: "reopened", closed_at: null } : {},
      );
      json(response, 200, issue);
    }
  }
}
