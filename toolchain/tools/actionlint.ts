import type { Context } from "../context";
import type { Tool } from "../types";
import { buildGo, fetchModule } from "./go";

export const ACTIONLINT_VERSION = "1.7.12";

/** With Go's own checksum of the module's content, which includes its go.sum. */
const ACTIONLINT = {
  path: "github.com/rhysd/actionlint",
  version: ACTIONLINT_VERSION,
  sum: "h1:vQ4GeJN86C0QH+gTUQcs8McmK62OLT3kmakPMtEWYnY=",
};

/** Checks `.github/workflows`. Only the tests want it. */
export function actionlintTool(context: Context, go: Tool): Tool {
  const { home } = context;
  return {
    name: "actionlint",
    why: "check the workflows",
    remedy: "let Go reach its module proxy",
    async present() {
      const found = await home.program("actionlint", ACTIONLINT_VERSION);
      return found === undefined ? undefined : `v${ACTIONLINT_VERSION} (${found.way})`;
    },
    ways: [
      {
        name: "Go module",
        needs: [go],
        exclusive: "build",
        get: async (step) =>
          buildGo(
            context,
            {
              folder: await fetchModule(context, ACTIONLINT, step),
              package: "./cmd/actionlint",
              variables: { "github.com/rhysd/actionlint.version": ACTIONLINT_VERSION },
            },
            step,
            (path) => home.installProgram(path, "actionlint", ACTIONLINT_VERSION, "Go module"),
          ),
      },
    ],
  };
}
