/** Routes of the example application, read from its SOURCE. */
import { textOf } from "../../../support/documents";

const SOURCE = textOf("examples/app/backend/app.py");

export interface Route {
  route: string;
  login: boolean;
  /** Empty for one that never is. */
  good: string;
  refused: string[];
}

export function exampleRoutes(): Route[] {
  const found = [...SOURCE.matchAll(/^ *@app\.(get|post)\("([^"]+)"\)\n *def \w+\(.*\):\n/gm)];
  return found.map((match) => {
    const [whole, method = "", path = ""] = match;
    const body = bodyFrom(SOURCE.slice(match.index + whole.length));
    const login = body.includes("login_required()");
    const refused = [...body.matchAll(/failure\((\d{3})|status = ([45]\d\d)/g)].map(
      ([, failed, set]) => failed ?? set ?? "",
    );
    const [, created = "200"] = /\), (2\d\d)\n?$/m.exec(body) ?? [];
    return {
      route: `${method.toUpperCase()} ${path}`,
      login,
      good: /\breturn\b/.test(body) ? created : "",
      refused: [...new Set([...refused, ...(login ? ["401"] : [])])].sort(),
    };
  });
}

/** Status of the answer that says so. */
export function exampleFailure(words: string): string {
  return new RegExp(`failure\\((\\d{3}), f?"[^"]*${words}`).exec(SOURCE)?.[1] ?? "";
}

/** The variable that opens the routes for drills by hand, with its value. */
export function exampleSwitch(): string {
  const settings = textOf("examples/app/backend/settings.py");
  const [, name = "", value = ""] =
    /test_routes=environment\.get\("(\w+)", ""\) == "(\d)"/.exec(settings) ?? [];
  return `\`${name}=${value}\``;
}

/** To the next thing that is no deeper than a function's own lines. */
function bodyFrom(text: string): string {
  const end = /\n+ *@app\.|\n\n\n\S/.exec(text);
  return text.slice(0, end?.index);
}
