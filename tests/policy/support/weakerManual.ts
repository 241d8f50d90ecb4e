import { join, sep } from "node:path";
import type { Declared } from "./harness";
import { realProgram } from "./realProgram";

const ROOT = join(__dirname, "../../..");

/** Folders whose modules keep what they have read of the manual: the policies' own view stays as it is. */
const KEPT = ["node_modules", "policies", "tests"].map((folder) => join(ROOT, folder) + sep);

export type Tree = Readonly<Record<string, unknown>>;

/** A copy of a tree with another value at a path. */
export function put(tree: Tree, [key = "", ...below]: readonly string[], value: unknown): Tree {
  return { ...tree, [key]: below.length === 0 ? value : put(tree[key] as Tree, below, value) };
}

/**
 * What the real program declares when it reads another manual.
 *
 * Each of its modules is loaded anew, since most take their numbers when they are loaded.
 */
export async function programWith(manual: Tree): Promise<Declared[]> {
  const file = require.resolve(join(ROOT, "manual"));
  const before = new Map(Object.entries(require.cache).filter(([path]) => isProgram(path)));
  const original = require.cache[file];
  if (original === undefined) {
    throw new Error(`${file} is not kept by the module cache: it cannot be replaced`);
  }
  const forget = (): void => {
    for (const path of Object.keys(require.cache).filter(isProgram)) {
      delete require.cache[path];
    }
  };
  forget();
  require.cache[file] = Object.assign(Object.create(Object.getPrototypeOf(original)), original, {
    exports: { ...original.exports, MANUAL: manual, THRESHOLDS: manual.thresholds },
  });
  try {
    return await realProgram();
  } finally {
    forget();
    for (const [path, module] of before) {
      require.cache[path] = module;
    }
  }
}

function isProgram(path: string): boolean {
  return path.startsWith(ROOT + sep) && !KEPT.some((folder) => path.startsWith(folder));
}
