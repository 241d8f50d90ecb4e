import assert from "node:assert/strict";
import { givenSecret, tokenIn } from "../../../cli/givenSecrets";

describe("secrets that others issue", () => {
  it("are set by their names, and no generated one is", () => {
    assert.equal(givenSecret("githubToken"), "githubToken");
    for (const name of ["appPassword", "gitHubToken", "__proto__"]) {
      assert.throws(() => givenSecret(name), {
        message: `secret "${name}" is not set by hand: must be one of githubToken, sentryToken; any other one is generated, and replaced by ./fitnesscrm secrets rotate`,
        exitCode: 2,
      });
    }
  });

  it("are what was handed over, without the end of the line", () => {
    assert.equal(tokenIn("ghp_0123456789abcdef\r\n", "githubToken"), "ghp_0123456789abcdef");
  });

  it("are refused when they are none, and not repeated", () => {
    for (const input of ["", "\n", "short", "planted token 0123456789", "planted-tökén-0123456789"]) {
      assert.throws(() => tokenIn(input, "sentryToken"), {
        message:
          "sentryToken is no token: must be one line of 16 printable ASCII characters or more on standard input",
        exitCode: 2,
      });
    }
  });
});
