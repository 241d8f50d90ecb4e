import assert from "node:assert/strict";
import { parseFacts } from "../../../cli/host/facts";
import { explainSshFailure, type ScriptResult, sshArguments } from "../../../cli/host/ssh";
import { parseTarget } from "../../../cli/host/target";

const target = parseTarget("ssh://deploy@crm.example.com:2222", "F");

describe("the ssh command", () => {
  it("is asked for no password, keeps the user's own settings, and takes no host for an option", () => {
    assert.deepEqual(sshArguments(target, { ControlMaster: "no", ControlPath: "/s" }, "sudo -n sh -s", ""), [
      "-T",
      ..."-o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4".split(
        " ",
      ),
      ..."-o LogLevel=ERROR -o RemoteCommand=none -o ClearAllForwardings=yes -o ControlPersist=no".split(" "),
      ..."-o ControlMaster=no -o ControlPath=/s -l deploy -p 2222 -- crm.example.com".split(" "),
      "sudo -n sh -s",
    ]);
  });

  it("runs nothing for the connection that others share, and leaves user and port to ssh_config", () => {
    const args = sshArguments(parseTarget("ssh://alias", "F"), {}, undefined, "/c");
    assert.deepEqual(args.slice(0, 4), ["-F", "/c", "-T", "-N"]);
    assert.deepEqual(args.slice(-2), ["--", "alias"]);
    assert.ok(!args.includes("-l") && !args.includes("-p"));
  });

  it("never touches how host keys are checked", () => {
    assert.doesNotMatch(sshArguments(target, {}, "x").join(" "), /StrictHostKeyChecking|KnownHosts/i);
  });
});

describe("a connection that fails", () => {
  const at = "crm.example.com port 2222";
  for (const [stderr, message] of [
    [
      "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n",
      `${at}: its host key is not the known one: find out why; if the server was made anew, \`ssh-keygen -R\` forgets the old key`,
    ],
    [
      "Host key verification failed.\n",
      `${at}: its host key is not known here: run \`ssh -p 2222 deploy@crm.example.com\` once and compare the fingerprint with the server's`,
    ],
    [
      "deploy@crm.example.com: Permission denied (publickey).\n",
      `${at}: it accepts no key of yours for deploy (deploy@crm.example.com: Permission denied (publickey)): put one there with ssh-copy-id, or load it with ssh-add`,
    ],
    [
      "ssh: Could not resolve hostname crm.example.com: Name or service not known\n",
      `${at}: no such name: check fitnesscrm:host (ssh://deploy@crm.example.com:2222)`,
    ],
    [
      "ssh: connect to host crm.example.com port 2222: Connection timed out\n",
      `${at} does not answer (ssh: connect to host crm.example.com port 2222: Connection timed out): check that the server runs, its address and port in fitnesscrm:host, and what stands between`,
    ],
    ["", `${at}: ssh failed (it gave no reason): try \`ssh -p 2222 deploy@crm.example.com\``],
  ] as const) {
    it(`is explained: ${stderr.trim().split("\n").join(" ") || "nothing said"}`, () => {
      assert.equal(explainSshFailure(target, stderr), message);
    });
  }
});

describe("what is known of a server", () => {
  const answer = (...texts: string[]): ScriptResult => ({
    code: 0,
    stderr: "",
    lines: texts.map((text) => ({ mark: "have", text })),
  });

  it("is the login, every port that ssh comes in by, the system, the memory and the engine's configuration", () => {
    const json = '{"a": "é"}\n';
    assert.deepEqual(
      parseFacts(
        answer("user deploy", "port 2222"),
        answer(
          "system debian",
          "memory 3914",
          "port 22",
          "port 2222",
          `daemon ${Buffer.from(json).toString("base64")}`,
        ),
      ),
      { user: "deploy", sshPorts: [22, 2222], system: "debian", memoryMiB: 3914, daemonJson: json },
    );
  });

  it("says nothing of an engine's configuration that is not there", () => {
    const facts = parseFacts(answer("user root", "port 22"), answer("system ubuntu", "memory 512"));
    assert.ok(!("daemonJson" in facts));
  });
});
