// JavaScript, because whatever starts a policy pack loads this file before anything can compile TypeScript.
const { createRequire } = require("node:module");

/**
 * Makes a module load at its first use. `@pulumi/pulumi` loads the TypeScript compiler, npm's dependency solver and the
 * automation API on import. A policy pack uses none of them, and they are two thirds of its start.
 */
function loadAtFirstUse(name) {
  const requireAsPulumi = createRequire(require.resolve("@pulumi/pulumi"));
  const file = requireAsPulumi.resolve(name);
  if (require.cache[file] !== undefined) {
    return;
  }
  const load = () => {
    if (require.cache[file] === stub) {
      delete require.cache[file];
    }
    return requireAsPulumi(file);
  };
  // `__esModule` keeps TypeScript's import helper from copying the properties, which would load the module.
  const exports = new Proxy(
    {},
    {
      get: (_target, property) => (property === "__esModule" ? true : load()[property]),
      has: (_target, property) => property in load(),
    },
  );
  const stub = { id: file, filename: file, loaded: true, children: [], paths: [], exports };
  require.cache[file] = stub;
}

loadAtFirstUse("typescript");
loadAtFirstUse("@npmcli/arborist");
loadAtFirstUse("./automation");

require("tsx/cjs");
require("./pack.ts");
