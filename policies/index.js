// JavaScript, because whatever starts a policy pack loads this file before anything can compile TypeScript.
require("../runtime.cjs");
require("../typescript.cjs");
require("./pack.ts");
