/** What the edge does, read from nginx's configuration. */
import { textOf } from "../../../support/documents";

const TEMPLATE = textOf("images/nginx/nginx.conf.template").replace(/^\s*#.*\n/gm, "");

/** Headers that every answer of the application gets, with the value where there is a choice; what only a 429 has is left out. */
export function edgeHeaders(): [name: string, value: string][] {
  return [...TEMPLATE.matchAll(/^ {2}add_header (\S+) (\S+) always;$/gm)]
    .map(([, name = "", value = ""]): [string, string] => [
      name,
      value.startsWith("$") ? lastOfMap(value) : value,
    ])
    .filter(([name]) => name !== "Retry-After");
}

/** The value that a map gives but for its default. */
function lastOfMap(variable: string): string {
  const [, block = ""] = new RegExp(`map \\S+ \\${variable} \\{\\n([^}]*)\\}`).exec(TEMPLATE) ?? [];
  const [, value = ""] = /^\s*\S+ (.*);$/.exec(block.trim().split("\n").at(-1) ?? "") ?? [];
  return value.replace(/^"|"$/g, "");
}

export function edgeDirective(name: string): string {
  const [, value] = new RegExp(`^\\s*${name} ([^;]+);$`, "m").exec(TEMPLATE) ?? [];
  return value ?? "not there";
}

/** Paths that can be asked for from outside, and who answers. */
export function edgePaths(): [path: string, by: string][] {
  return [...TEMPLATE.matchAll(/^ {4}location ([^{]+) \{\n([\s\S]*?)^ {4}\}$/gm)].flatMap(
    ([, pattern = "", body = ""]) =>
      /^@|nginx-(health|status)/.test(pattern) || body.includes("internal;")
        ? []
        : pathsOf(pattern).map((path): [string, string] => [path, answererOf(body)]),
  );
}

function pathsOf(pattern: string): string[] {
  const [, exact] = /^= (\S+)$/.exec(pattern) ?? [];
  if (exact !== undefined) {
    return [exact];
  }
  const [, names] = /^~ \^\/\(([^)]+)\)\/$/.exec(pattern) ?? [];
  return names?.split("|").map((name) => `/${name}/…`) ?? [`${pattern.replace(/^\^~ /, "")}…`];
}

function answererOf(body: string): string {
  const [, upstream] = /proxy_pass http:\/\/\$(\w+);/.exec(body) ?? [];
  if (upstream !== undefined) {
    return upstream;
  }
  if (/^\s*return 301 /m.test(body)) {
    return "a redirect";
  }
  return body.includes("root /pages;") ? "a file of `pages`" : "nothing";
}

/** Answers with a text of the edge's own, but for those that only its own health check may ask for. */
export function edgeAnswers(): [status: string, body: string][] {
  return [...TEMPLATE.matchAll(/return ([45]\d\d) '(.*?)(?:\\n)?';/g)].map(([, status = "", body = ""]) => [
    status,
    body,
  ]);
}

/** As `TLS 1.2 and 1.3`. */
export function tlsVersions(): string {
  const [, versions = ""] = /^ssl_protocols (.+);$/m.exec(textOf("images/nginx/tls.conf")) ?? [];
  return `TLS ${versions
    .split(" ")
    .map((version) => version.replace("TLSv", ""))
    .join(" and ")}`;
}
