import type { Context } from "../context";
import type { Tool } from "../types";
import { buildGo, fetchModule } from "./go";

export const PEBBLE_VERSION = "2.10.3";

/** With Go's own checksum of the module's content, which includes its go.sum. */
const PEBBLE = {
  path: "github.com/letsencrypt/pebble/v2",
  version: PEBBLE_VERSION,
  sum: "h1:Zg/Rq9T8FvNMvfLvi3k+dXmrwgDnG9neRpeaJY2hwVM=",
};

/** Let's Encrypt's own stand-in for itself, which gives certificates by ACME. Only the tests want it. */
export function pebbleTool(context: Context, go: Tool): Tool {
  const { home } = context;
  return {
    name: "Pebble",
    why: "give certificates to the tests",
    remedy: "let Go reach its module proxy",
    async present() {
      const found = await home.program("pebble", PEBBLE_VERSION);
      return found === undefined ? undefined : `v${PEBBLE_VERSION} (${found.way})`;
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
              folder: await fetchModule(context, PEBBLE, step),
              package: "./cmd/pebble",
            },
            step,
            (path) => home.installProgram(path, "pebble", PEBBLE_VERSION, "Go module"),
          ),
      },
    ],
  };
}
