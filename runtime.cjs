// Loaded before anything else by the Pulumi program and by the policy pack: what the SDK does at a start, made quicker, and at an
// engine's end, made safe.

// `@pulumi/pulumi` loads the TypeScript compiler, npm's dependency solver and the automation API on import. They serve to
// serialize functions and to drive other programs, which neither the program nor the pack does, and they are half of the
// start of a preview. They are loaded at their first use instead.
const { createRequire } = require("node:module");

const PULUMI = createRequire(require.resolve("@pulumi/pulumi"));

function loadAtFirstUse(name) {
  const file = PULUMI.resolve(name);
  if (require.cache[file] !== undefined) {
    return;
  }
  const load = () => {
    if (require.cache[file] === stub) {
      delete require.cache[file];
    }
    return PULUMI(file);
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

for (const name of ["typescript", "@npmcli/arborist", "./automation"]) {
  loadAtFirstUse(name);
}

// Every promise of the SDK remembers where it was made, for a report about promises that never end. To write that down takes
// longer than to load the program.
const debuggable = PULUMI("./runtime/debuggable");
const { debuggablePromise } = debuggable;
debuggable.debuggablePromise = (promise, context) => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return debuggablePromise(promise, context);
  } finally {
    Error.stackTraceLimit = limit;
  }
};

// An engine that was killed leaves the program with pipes that nobody reads. The SDK reports that it cannot report, into the same
// pipes, for ever and with all the memory there is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", () => process.exit(1));
}
