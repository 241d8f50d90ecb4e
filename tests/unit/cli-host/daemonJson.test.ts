import assert from "node:assert/strict";
import fc from "fast-check";
import { mergeDaemonJson } from "../../../cli/host/daemonJson";

const parsed = (text: string | undefined): unknown => JSON.parse(mergeDaemonJson(text)) as unknown;
const LIMITS = { "max-size": "10m", "max-file": "5" };

describe("the engine's configuration", () => {
  it("is made where there is none", () => {
    const wanted = { "log-driver": "json-file", "log-opts": LIMITS, "live-restore": false };
    assert.equal(mergeDaemonJson(undefined), `${JSON.stringify(wanted, null, 2)}\n`);
    assert.deepEqual(parsed(" \n"), wanted);
  });

  it("keeps what else an operator set, and switches live-restore off", () => {
    assert.deepEqual(
      parsed('{"mtu": 1400, "live-restore": true, "log-opts": {"labels": "a", "max-size": "1g"}}'),
      {
        mtu: 1400,
        "live-restore": false,
        "log-driver": "json-file",
        "log-opts": { labels: "a", ...LIMITS },
      },
    );
  });

  it("drops the options of another log driver, which would keep the engine from starting", () => {
    assert.deepEqual(parsed('{"log-driver": "syslog", "log-opts": {"syslog-address": "udp://192.0.2.1"}}'), {
      "log-driver": "json-file",
      "log-opts": LIMITS,
      "live-restore": false,
    });
  });

  it("leaves a file that is right as it is, to the byte", () => {
    const text = `{ "live-restore":false,"log-opts":{"max-file":"5","max-size":"10m"},\n"log-driver":"json-file" }`;
    assert.equal(mergeDaemonJson(text), text);
  });

  it("has nothing to change a second time, whatever was there", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (old) => {
        const once = mergeDaemonJson(JSON.stringify(old));
        assert.equal(mergeDaemonJson(once), once);
      }),
    );
  });

  for (const text of ["{", "[]", "null", '"x"']) {
    it(`refuses ${text} and says what to do`, () => {
      assert.throws(
        () => mergeDaemonJson(text),
        /^UserError: \/etc\/docker\/daemon\.json on the server is not (a )?JSON.*: repair or remove it$/,
      );
    });
  }
});
