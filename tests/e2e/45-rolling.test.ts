import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LoadOptions, type LoadResult, loadDuring, startLoad } from "../support/load";
import { api } from "./support/app";
import { containersOf, drained } from "./support/docker";
import { mustOnStack, onStack, URL_OF_STACK } from "./support/launcher";
import { checkoutFolder, ensureStack } from "./support/stack";

const PAGE = "frontend/public/index.html";
const APP = "backend/app.py";
/** Longer than a task serves on after the signal to stop, so that some are cut unless the server itself finishes them. */
const LONG = "/api/test/slow?ms=12000";
const TO_FRONTEND: Partial<LoadOptions> = { path: "/", methods: ["GET"] };

/** What users who ask 200 times a second get while `work` goes on. */
function underLoad(work: () => Promise<unknown>, options: Partial<LoadOptions> = {}): Promise<LoadResult> {
  return loadDuring({ url: URL_OF_STACK, ...options }, work);
}

function assertNoneFailed({ sent, failures, statuses }: LoadResult, atLeast: number): void {
  assert.deepEqual(failures, []);
  assert.deepEqual(statuses, { 200: sent });
  assert.ok(sent >= atLeast, `only ${sent} requests were sent`);
}

/** Every task of the service is another one after `work`. */
async function replaces(service: string, work: () => Promise<unknown>): Promise<void> {
  const before = await drained(service);
  await work();
  const after = await drained(service);
  assert.equal(after.length, before.length);
  assert.deepEqual(
    after.filter((container) => before.includes(container)),
    [],
    `${service} was not replaced`,
  );
}

function append(file: string, text: string): void {
  const path = join(checkoutFolder(), file);
  writeFileSync(path, readFileSync(path, "utf8") + text);
}

describe("a service that is replaced under load (M4, M17)", function () {
  this.timeout(900_000);
  const originals = new Map<string, string>();

  before(async () => {
    await ensureStack();
    await mustOnStack(
      "up",
      ...["deploy.watchSeconds=2", `app.environment.TEST_ROUTES="1"`].flatMap((each) => ["--set", each]),
    );
    for (const file of [APP, PAGE]) {
      originals.set(file, readFileSync(join(checkoutFolder(), file), "utf8"));
    }
  });

  after(async () => {
    for (const [file, text] of originals) {
      writeFileSync(join(checkoutFolder(), file), text);
    }
    const settings = [
      "replicas.backend=1",
      "replicas.frontend=1",
      "app.version=null",
      "app.environment.TEST_ROUTES=null",
    ];
    await mustOnStack("up", ...settings.flatMap((each) => ["--set", each]));
  });

  for (const tasks of [1, 2]) {
    it(`loses no request while the backend's configuration and the frontend's image change, at ${tasks} of each`, async () => {
      const replicas = ["backend", "frontend"].map((service) => `replicas.${service}=${tasks}`);
      await mustOnStack("up", ...replicas.flatMap((each) => ["--set", each]));
      const version = `rolled-at-${tasks}`;
      append(PAGE, `<!-- ${version} -->\n`);
      const update = () => mustOnStack("up", "--set", `app.version=${version}`);
      const both = () => replaces("frontend", () => replaces("backend", update));
      const seen = new Set<string>();
      // Half of the load each, of services that are replaced at the same time.
      const rate = 100;
      const calls = {
        url: URL_OF_STACK,
        rate,
        onAnswer: ({ body }: { body: string }) => void seen.add(body),
      };
      const { worked: pages, ...answers } = await loadDuring(calls, () =>
        underLoad(both, { ...TO_FRONTEND, rate }),
      );
      assertNoneFailed(answers, 1000);
      assertNoneFailed(pages, 1000);
      assert.deepEqual((await api("/api/version")).json, { version });
      assert.equal([...seen].filter((body) => body.includes("version")).length, 2, [...seen].join());
      const page = await (await fetch(`${URL_OF_STACK}/`)).text();
      assert.ok(page.includes(version), "the new page is not served");
    });
  }

  it("finishes requests that take twelve seconds while the backend's image changes", async () => {
    append(APP, "\n# another image\n");
    const slow = { url: URL_OF_STACK, rate: 1, path: LONG, methods: ["GET"], timeoutMs: 45_000 } as const;
    const { worked, ...long } = await loadDuring(slow, () =>
      underLoad(() => replaces("backend", () => mustOnStack("up"))),
    );
    assertNoneFailed(worked, 1000);
    assertNoneFailed(long, 10);
  });

  it("loses no request while backend and frontend are restarted, and no preview wants that undone", async () => {
    for (const [service, options] of [
      ["backend", {}],
      ["frontend", TO_FRONTEND],
    ] as const) {
      const result = await underLoad(() => replaces(service, () => mustOnStack("restart", service)), options);
      assertNoneFailed(result, 1000);
    }
    await mustOnStack("preview", "--expect-no-changes");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("refuses connections for a moment only while nginx is restarted, and finishes what is under way", async () => {
    const long = startLoad({
      url: URL_OF_STACK,
      rate: 1,
      seconds: 1,
      path: LONG,
      methods: ["GET"],
      timeoutMs: 45_000,
    });
    const { failed, failures, ok } = await underLoad(() =>
      replaces("nginx", () => mustOnStack("restart", "nginx", "--yes")),
    );
    assertNoneFailed(await long.done, 1);
    assert.ok(ok > 10 * failed, `${failed} failed of ${failed + ok}: ${failures.join("\n")}`);
    for (const failure of failures) {
      assert.match(failure, /ECONNREFUSED|ECONNRESET|socket hang up/);
    }
  });

  for (const service of ["db", "redis", "nginx", "ops", "restore"]) {
    it(`restarts ${service} only when it is told that what this interrupts is known`, async () => {
      const before = await containersOf(service);
      const { code, stderr } = await onStack("restart", service);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`^fitnesscrm: restart of ${service} in stack .*: add --yes$`, "m"));
      assert.deepEqual(await containersOf(service), before);
    });
  }

  it("names the services that there are when it is asked to restart another", async () => {
    const { code, stderr } = await onStack("restart", "mysql");
    assert.equal(code, 2);
    assert.match(stderr, /service "mysql" is not part of stack .*: must be one of agent, backend, db, /);
  });
});
