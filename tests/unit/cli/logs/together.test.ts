import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../../cli/docker";
import { engineHolds } from "../../../../cli/logs/held";
import { showTogether, type TogetherArgs } from "../../../../cli/logs/together";
import { type ArchiveAnswer, fixed } from "../../../../ops/logs/model";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

/** A `docker` with two services, whose logs are files, and a container that answers with what the test has put there. */
const FAKE = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
for last; do :; done
case "$1 $2" in
  "service logs") cat "$FAKE/log-$last" 2>/dev/null; cat "$FAKE/err-$last" >&2 2>/dev/null; exit "$(cat "$FAKE/code-$last" 2>/dev/null || echo 0)" ;;
  "service ps") cat "$FAKE/ids-$last" ;;
  "inspect --type") cat "$FAKE/tasks" ;;
  "container ls") echo r1 ;;
  "exec --interactive") cat >"$FAKE/request"; . "$FAKE/answer.sh" ;;
esac
`;
const SERVICES = ["db", "redis"].map((service) => ({
  id: service,
  name: `fitnesscrm-unit-${service}`,
  service,
  publishedPorts: [],
}));
const at = (moment: number, line: string): string => `${fixed(moment)} ${line}\n`;
const answer = (...documents: ArchiveAnswer[]): string =>
  `cat <<'END'\n${documents.map((one) => `${JSON.stringify(one)}\n`).join("")}END\n`;

describe("./fitnesscrm logs of archive and engine", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  async function show(
    files: Record<string, string>,
    options: Partial<TogetherArgs> = {},
    grep?: string,
  ): Promise<{ shown: string; error: string; folder: string }> {
    const folder = folders.create(files);
    writeScript(join(folder, "bin"), "docker", FAKE);
    let shown = "";
    let error = "";
    await withEnvironment(
      { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
      () =>
        showTogether(
          {
            docker: new DockerHost(""),
            stack: "unit",
            services: SERVICES,
            isShown: (line) => grep === undefined || line.includes(grep),
            prefixOf: (service) => `${service} | `,
            isHeld: false,
            tail: undefined,
            write: (text) => {
              shown += text;
            },
            ...options,
          },
          { since: 0, until: 100, grep },
        ).catch((reason: Error) => {
          error = reason.message;
        }),
    );
    return { shown, error, folder };
  }

  const LOGS = {
    "log-fitnesscrm-unit-db": at(15, "fifteen, of the engine") + at(25, "twenty-five") + at(100, "too late"),
    "log-fitnesscrm-unit-redis": at(12, "twelve"),
  };
  const ARCHIVE = answer(
    { segments: [{ service: "db", from: 10, to: 20 }] },
    { service: "db", time: fixed(15), line: "fifteen" },
    { service: "db", time: fixed(11), line: "eleven, of another task" },
    { done: 0 },
  );

  it("are in order, and have each line once", async () => {
    const { shown, error, folder } = await show({ ...LOGS, "answer.sh": ARCHIVE }, {}, undefined);
    assert.equal(error, "");
    assert.equal(shown, "db | eleven, of another task\nredis | twelve\ndb | fifteen\ndb | twenty-five\n");
    assert.deepEqual(JSON.parse(readFileSync(join(folder, "request"), "utf8")), { since: 0, until: 100 });
  });

  it("are the last ones of each service where so many are asked for", async () => {
    const { shown } = await show({ ...LOGS, "answer.sh": ARCHIVE }, { tail: 1 });
    assert.equal(shown, "redis | twelve\ndb | twenty-five\n");
  });

  it("match an expression on either side", async () => {
    const { shown, folder } = await show({ ...LOGS, "answer.sh": answer({ segments: [] }) }, {}, "twe");
    assert.equal(shown, "redis | twelve\ndb | twenty-five\n");
    assert.equal((JSON.parse(readFileSync(join(folder, "request"), "utf8")) as { grep: string }).grep, "twe");
  });

  it("are the engine's, with one line that says why, where the archive cannot be read", async () => {
    const { shown, error } = await show({
      ...LOGS,
      "answer.sh": `${answer({ segments: [{ service: "db", from: 10, to: 20 }] })}echo 'ops: S3 is away' >&2; exit 1\n`,
    });
    assert.equal(shown, "redis | twelve\ndb | fifteen, of the engine\ndb | twenty-five\n");
    assert.match(error, /^logs: the archive could not be read, .*: S3 is away$/);
    assert.ok(!error.includes("\n"));
  });

  it("are an error where the container answers something else, which is not shown", async () => {
    const { error } = await show({ ...LOGS, "answer.sh": "echo planted" });
    assert.match(error, /its answer is not what this checkout expects/);
    assert.ok(!error.includes("planted"));
  });

  it("ask no archive where the engine has all of it", async () => {
    const { shown, folder } = await show({ ...LOGS, "answer.sh": ARCHIVE }, { isHeld: true });
    assert.match(shown, /fifteen, of the engine/);
    assert.ok(!existsSync(join(folder, "request")));
  });

  it("are an error where the engine ends a stream, after what there is", async () => {
    const { shown, error } = await show({
      ...LOGS,
      "code-fitnesscrm-unit-redis": "1",
      "answer.sh": answer({ segments: [] }),
    });
    assert.match(shown, /twelve/);
    assert.equal(error, "logs: the engine ended the stream of redis: what it said stands above");
  });

  async function holds(since: number): Promise<boolean> {
    const task = (ID: string, minute: number, State = "running") => ({
      ID,
      ServiceID: "s",
      DesiredState: State,
      CreatedAt: new Date(minute).toISOString(),
      Status: { State },
    });
    const folder = folders.create({
      "ids-fitnesscrm-unit-db": "t1\n",
      tasks: JSON.stringify([task("t1", 10), task("t0", 90, "shutdown")]),
      "log-t1": at(20, "first"),
      "err-t1": "",
    });
    writeScript(join(folder, "bin"), "docker", FAKE);
    return withEnvironment(
      { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
      () => engineHolds(new DockerHost(""), SERVICES.slice(0, 1), since),
    );
  }

  it("find out what the engine has by the tasks that run and their oldest lines", async () => {
    assert.deepEqual(
      [await holds(9), await holds(15), await holds(20), await holds(30)],
      [false, false, true, true],
    );
  });
});
