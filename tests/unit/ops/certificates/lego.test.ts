import assert from "node:assert/strict";
import { legoReason } from "../../../../ops/certificates/lego";

describe("why lego got no certificate", () => {
  const cases: [what: string, stderr: string, reason: string | undefined][] = [
    [
      "is what the authority says of the name",
      [
        "2026/11/27 03:24:48 [INFO] acme: Registering account for ops@example.com",
        "2026/11/27 03:24:49 [INFO] [crm.example.com] acme: Trying to solve HTTP-01",
        "2026/11/27 03:24:50 Could not obtain certificates:",
        "\terror: one or more domains had a problem:",
        '[crm.example.com] acme: error: 400 :: urn:ietf:params:acme:error:connection :: Get "http://crm.example.com/"',
        "",
      ].join("\n"),
      '[crm.example.com] acme: error: 400 :: urn:ietf:params:acme:error:connection :: Get "http://crm.example.com/"',
    ],
    [
      "is that the authority cannot be reached",
      "2026/11/27 03:25:40 Could not create client: get directory at 'https://acme/dir': dial tcp: connection refused\n",
      "Could not create client: get directory at 'https://acme/dir': dial tcp: connection refused",
    ],
    [
      "is that it was asked too often",
      "2026/11/27 03:25:40 Could not obtain certificates:\n\tacme: error: 429 :: POST :: https://acme/new :: rateLimited\n",
      "acme: error: 429 :: POST :: https://acme/new :: rateLimited",
    ],
    [
      "is what it died of",
      "panic: error creating x509 cert pool: <nil>\n\ngoroutine 1 [running]:\ngithub.com/go-acme/lego/main.go:42 +0x1df\n",
      "error creating x509 cert pool: <nil>",
    ],
    [
      "is not known where it says nothing",
      "2026/11/27 03:24:48 [INFO] acme: Registering account\n",
      undefined,
    ],
  ];
  for (const [what, stderr, reason] of cases) {
    it(what, () => assert.equal(legoReason(stderr), reason));
  }
});
