// How the Pulumi program and the policy pack read TypeScript.
//
// The first file with types is compiled together with every file of ours that it imports, packages left out, in one call of
// esbuild. A loader that looks at each file by itself reads those of the SDKs too, which takes longer than all else that a
// preview without changes does. `./fitnesscrm test` checks the types; a preview must not wait for that.
const { createRequire } = require("node:module");
const { dirname } = require("node:path");

const { buildSync } = createRequire(require.resolve("tsx/package.json"))("esbuild");

require.extensions[".ts"] = (module, file) => {
  const { outputFiles } = buildSync({
    entryPoints: [file],
    absWorkingDir: dirname(file),
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "cjs",
    sourcemap: "inline",
    write: false,
    logLevel: "silent",
  });
  module._compile(outputFiles[0].text, file);
};
