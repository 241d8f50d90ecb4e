import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost, words } from "../../../cli/docker";
import { UserError } from "../../../cli/errors";
import { TempFolders, withEnvironment, writeScript } from "../../support/temp";

/** A `docker` that writes down how it was called and answers from files named after its first words. */
const FAKE = `#!/bin/sh
echo "$DOCKER_HOST|$*" >>"$FAKE/calls"
case "$1 $2" in
  "info --format") answer=info ;;
  "service ls") answer=service-ls ;;
  "service inspect") answer=service-inspect ;;
  "service ps") answer=service-ps ;;
  "inspect --type") answer=inspect ;;
  *) answer=other ;;
esac
[ -f "$FAKE/$answer.err" ] && cat "$FAKE/$answer.err" >&2
[ -f "$FAKE/$answer" ] && cat "$FAKE/$answer"
exit "$(cat "$FAKE/$answer.code" 2>/dev/null || echo 0)"
`;

const SERVICE_JSON = JSON.stringify([
  {
    ID: "s1",
    Spec: {
      Name: "fitnesscrm-unit-backend",
      Labels: { "fitnesscrm.stack": "unit", "fitnesscrm.service": "backend" },
      Mode: { Replicated: { Replicas: 2 } },
      EndpointSpec: { Mode: "dnsrr", Ports: [{ PublishedPort: 8080 }, {}] },
    },
    UpdateStatus: { State: "rollback_completed", Message: "rollback completed" },
  },
  {
    ID: "s2",
    Spec: {
      Name: "fitnesscrm-unit-db",
      Labels: { "fitnesscrm.service": "db" },
      Mode: { Replicated: { Replicas: 0 } },
    },
  },
  {
    ID: "s3",
    Spec: { Name: "fitnesscrm-unit-agent", Labels: { "fitnesscrm.service": "agent" }, Mode: { Global: {} } },
  },
]);

describe("Docker host", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  interface Used<T> {
    value: T;
    calls: string[];
  }

  async function use<T>(
    answers: Record<string, string>,
    body: (docker: DockerHost) => Promise<T>,
    host = "",
  ): Promise<Used<T>> {
    const folder = folders.create(answers);
    const bin = join(folder, "bin");
    writeScript(bin, "docker", FAKE);
    const value = await withEnvironment(
      { PATH: `${bin}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
      () => body(new DockerHost(host)),
    );
    const calls = readFileSync(join(folder, "calls"), "utf8").trimEnd().split("\n");
    return { value, calls };
  }

  it("is asked by the docker command, with its address in the environment", async () => {
    const local = await use({ info: "active\n" }, (docker) => docker.problem());
    assert.deepEqual(local, { value: undefined, calls: ["|info --format {{.Swarm.LocalNodeState}}"] });
    const remote = await use(
      { info: "active\n" },
      (docker) => docker.problem(),
      "ssh://root@crm.example.com",
    );
    assert.deepEqual(remote.calls, ["ssh://root@crm.example.com|info --format {{.Swarm.LocalNodeState}}"]);
  });

  it("says why it cannot be used", async () => {
    const problem = async (answers: Record<string, string>, host = ""): Promise<string | undefined> =>
      (await use(answers, (docker) => docker.problem(), host)).value;
    assert.equal(
      await problem({ info: "inactive\n" }),
      "the Docker engine is not part of a Swarm (state inactive)",
    );
    assert.equal(await problem({ info: "\n" }), "the Docker engine is not part of a Swarm (state unknown)");
    assert.equal(
      await problem({
        "info.code": "1",
        "info.err":
          "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\nerrors pretty printing info\n",
      }),
      "the Docker engine does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
    );
    assert.equal(
      await problem({ "info.code": "255" }, "ssh://root@crm.example.com"),
      "the Docker engine at ssh://root@crm.example.com does not answer: exit code 255",
    );
  });

  it("is not waited for without end: an engine that is stuck fails what asks it", async () => {
    const bin = folders.create();
    writeScript(bin, "docker", "#!/bin/sh\nsleep 30\n");
    await withEnvironment({ PATH: `${bin}:${process.env.PATH}` }, () =>
      assert.rejects(new DockerHost("").runChecked("services of the stack", ["service", "ls"], 0.2), {
        message: "services of the stack: no answer within 0.2 seconds",
      }),
    );
  });

  it("says so when there is no docker command", async () => {
    const problem = await withEnvironment({ PATH: folders.create() }, () => new DockerHost("").problem());
    assert.equal(problem, "the Docker engine does not answer: the docker command is not installed");
  });

  it("lists a stack's services, by its label alone", async () => {
    const { value, calls } = await use(
      { "service-ls": "s1\ns2\ns3\n", "service-inspect": SERVICE_JSON },
      (docker) => docker.services("unit"),
    );
    assert.deepEqual(calls, [
      "|service ls --quiet --filter label=fitnesscrm.stack=unit",
      "|service inspect s1 s2 s3",
    ]);
    assert.deepEqual(value, [
      {
        id: "s1",
        name: "fitnesscrm-unit-backend",
        service: "backend",
        replicas: 2,
        updateState: "rollback_completed",
        updateMessage: "rollback completed",
        publishedPorts: [8080],
      },
      {
        id: "s2",
        name: "fitnesscrm-unit-db",
        service: "db",
        replicas: 0,
        updateState: undefined,
        updateMessage: undefined,
        publishedPorts: [],
      },
      {
        id: "s3",
        name: "fitnesscrm-unit-agent",
        service: "agent",
        updateState: undefined,
        updateMessage: undefined,
        publishedPorts: [],
      },
    ]);
  });

  it("asks no further where a stack has no services", async () => {
    const { value, calls } = await use({ "service-ls": "\n" }, (docker) => docker.services("unit"));
    assert.deepEqual(value, []);
    assert.equal(calls.length, 1);
    assert.deepEqual(await new DockerHost("").tasks([]), []);
  });

  it("finds one service, or names those that there are", async () => {
    const answers = { "service-ls": "s1 s2 s3", "service-inspect": SERVICE_JSON };
    assert.equal((await use(answers, (docker) => docker.service("unit", "db"))).value.id, "s2");
    const refused = async (body: Promise<unknown>, message: string): Promise<void> =>
      assert.rejects(body, (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.message, message);
        assert.equal(error.exitCode, 2);
        return true;
      });
    await refused(
      use(answers, (docker) => docker.service("unit", "mysql")),
      'service "mysql" is not part of stack unit: must be one of agent, backend, db',
    );
    await refused(
      use({ "service-ls": "" }, (docker) => docker.service("unit", "db")),
      'service "db" is not part of stack unit: no service of it runs',
    );
  });

  it("lists tasks, newest first, with the engine's reason", async () => {
    const task = (ID: string, CreatedAt: string, Status: object): object => ({
      ID,
      ServiceID: "s1",
      NodeID: "n1",
      DesiredState: "running",
      CreatedAt,
      Status,
    });
    const { value, calls } = await use(
      {
        "service-ps": "t1\nt2\n",
        inspect: JSON.stringify([
          task("t1", "2026-01-01T00:00:00Z", {
            State: "failed",
            Err: "no space",
            ContainerStatus: { ExitCode: 3 },
          }),
          task("t2", "2026-01-02T00:00:00Z", {
            State: "running",
            Err: "",
            ContainerStatus: { ContainerID: "c2" },
          }),
        ]),
      },
      (docker) => docker.tasks(["fitnesscrm-unit-backend", "fitnesscrm-unit-db"]),
    );
    assert.deepEqual(calls, [
      "|service ps --quiet --no-trunc fitnesscrm-unit-backend fitnesscrm-unit-db",
      "|inspect --type task t1 t2",
    ]);
    const common = { serviceId: "s1", nodeId: "n1", desiredState: "running" };
    assert.deepEqual(value, [
      { ...common, id: "t2", state: "running", containerId: "c2", createdAt: "2026-01-02T00:00:00Z" },
      {
        ...common,
        id: "t1",
        state: "failed",
        error: "no space",
        exitCode: 3,
        createdAt: "2026-01-01T00:00:00Z",
      },
    ]);
  });

  it("takes it when a task goes between two questions", async () => {
    const { value } = await use(
      {
        "service-ps": "t1\n",
        inspect: "[]\n",
        "inspect.err": "Error: No such object: t1\n",
        "inspect.code": "1",
      },
      (docker) => docker.tasks(["x"]),
    );
    assert.deepEqual(value, []);
  });

  it("fails with the engine's last line", async () => {
    await assert.rejects(
      use({ "service-ls.code": "1", "service-ls.err": "Error response from daemon: no quorum\n" }, (docker) =>
        docker.services("unit"),
      ),
      new UserError("services of the stack: Error response from daemon: no quorum"),
    );
  });

  it("knows whether an image is there", async () => {
    assert.equal((await use({ other: "sha256:x\n" }, (docker) => docker.imageExists("a"))).value, true);
    assert.equal((await use({ "other.code": "1" }, (docker) => docker.imageExists("a"))).value, false);
  });
});

describe("words", () => {
  it("are what stands between white space", () => {
    assert.deepEqual(words(" a\nb\t c\n"), ["a", "b", "c"]);
    assert.deepEqual(words("\n"), []);
  });
});
