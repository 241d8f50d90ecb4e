import assert from "node:assert/strict";
import type { WindowOverview } from "../../cli/window";
import { sql } from "./support/docker";
import { mustOnStack, onStack, URL_OF_STACK } from "./support/launcher";
import { type DeliveredMail, mailsTo, newestMail } from "./support/mails";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

const PLANTED = `<img src=x onerror="alert(1)">`;
const TABLE = `"${PLANTED.replaceAll('"', '""')}"`;

const arrived = (title: string): Promise<DeliveredMail> =>
  waitFor(`the mail "${title}"`, () => newestMail(title), 60);

describe("the notice of a maintenance window to the users of a stack (M38)", function () {
  this.timeout(300_000);
  const mark = Date.now();
  const users = ["a", "b"].map((name) => `notice-${mark}-${name}@example.com`);
  const later = `notice-${mark}-c@example.com`;
  const SUBJECT = "Planned maintenance: Sunday, ";

  const add = (...emails: string[]): Promise<string> =>
    sql(
      `INSERT INTO users (email, password_hash) VALUES ${emails.map((email) => `('${email}', 'none')`).join(", ")}`,
    );
  const run = async (): Promise<string> => (await mustOnStack("tasks", "run", "maintenance-notice")).stdout;
  const mailedOnce = (address: string) =>
    waitFor(
      `the notice to ${address}`,
      async () => {
        const mails = await mailsTo(address, SUBJECT);
        return mails.length > 0 ? mails : undefined;
      },
      60,
    );

  before(async () => {
    await ensureStack();
    await add(...users, `<img/src=x>${mark}@example.com`);
  });
  after(() => sql(`DELETE FROM users WHERE email LIKE '%${mark}%'`));

  it("reaches each of them in a mail of their own, with text and HTML, once, and those who come later", async () => {
    assert.match(
      await run(),
      /^maintenance-notice: ok after .*: (\d+) of \1 users were told by mail, 1 without a usable address$/m,
    );
    for (const address of users) {
      const [mail, ...more] = await mailedOnce(address);
      assert.deepEqual(more, []);
      assert.deepEqual(mail?.to, [address]);
      assert.match(mail?.text ?? "", /02:00–04:00 E[SD]T\r?\n.* UTC\r?\n/);
      assert.match(mail?.html ?? "", /<h1 [^>]*>Planned maintenance<\/h1>/);
      assert.ok(!mail?.html.includes("<img"), "planted HTML is an element of the mail");
    }

    await add(later);
    await run();
    assert.equal((await mailedOnce(later)).length, 1);
    for (const address of users) {
      assert.equal((await mailsTo(address, SUBJECT)).length, 1, `${address} was told twice`);
    }
  });

  it("is on record, for operators and on the status page", async () => {
    const { notice } = JSON.parse((await mustOnStack("window", "--json")).stdout) as WindowOverview;
    assert.equal(notice?.state, "announced");
    assert.equal(notice?.told, notice?.of);
    assert.equal(notice?.clearedAt, null);
    await waitFor(
      "the status page to say so",
      async () => /Notice by mail<\/dt><dd>Sent /.test(await (await fetch(`${URL_OF_STACK}/status`)).text()),
      120,
    );
  });
});

describe("the reports of a stack", function () {
  this.timeout(600_000);

  before(async () => {
    await ensureStack();
    await sql(
      `INSERT INTO activity_log (action, email, ip_address) SELECT 'login_failure', '${PLANTED}', '192.0.2.77' FROM generate_series(1, 6)`,
    );
    await sql(`CREATE TABLE ${TABLE} AS SELECT n FROM generate_series(1, 1000) n`);
  });
  after(async () => {
    await sql(`DROP TABLE IF EXISTS ${TABLE}`);
    await sql("DELETE FROM activity_log WHERE ip_address = '192.0.2.77'");
  });

  it("on security reaches the security team, with text and HTML, and planted HTML in it is text", async () => {
    const { stdout } = await mustOnStack("tasks", "run", "report-security");
    assert.match(stdout, /^report-security: ok after .* sent to security@example\.com/);
    const { to, text, html } = await arrived("Security report");
    assert.deepEqual(to, ["security@example.com"]);
    assert.match(text, /address +192\.0\.2\.77 +6/);
    assert.ok(text.includes(PLANTED));
    assert.ok(html.includes("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"), html);
    assert.ok(!html.includes("<img"), "planted HTML is an element of the mail");
    assert.match(html, /<meta name="color-scheme" content="light dark">/);
  });

  it("on tables vacuums all of them, as the role that may, and has the sizes", async () => {
    const before = await sql("SELECT clock_timestamp()");
    await mustOnStack("tasks", "run", "report-tables");
    const { to, text, html } = await arrived("Tables and indexes");
    assert.deepEqual(to, ["dba@example.com"]);
    assert.doesNotMatch(text, /could not be made/);
    assert.ok(!html.includes("<img"), "planted HTML is an element of the mail");
    assert.equal(
      await sql(
        `SELECT count(*) FROM pg_stat_user_tables WHERE last_vacuum IS NULL OR last_vacuum < '${before}'`,
      ),
      "0",
    );
  });

  it("can be looked at without mail, and one that does not exist is named", async () => {
    const { stdout } = await mustOnStack("report", "morning", "--json");
    const { sections } = JSON.parse(stdout) as { sections: { title: string; failure?: string }[] };
    assert.deepEqual(
      sections.map(({ title, failure }) => [title, failure]),
      ["Services", "Open alarms", "Errors since yesterday", "Backups", "Resources"].map((title) => [
        title,
        undefined,
      ]),
    );
    const isOn = async (): Promise<string[]> => {
      const alarms = JSON.parse((await mustOnStack("alarms", "--json")).stdout) as {
        name: string;
        state: string;
      }[];
      return alarms.filter(({ state }) => state === "ALARM").map(({ name }) => name);
    };
    const before = await isOn();
    const text = (await mustOnStack("report", "morning")).stdout;
    const after = await isOn();
    const table = /^.. Alarms that are on {2}\d[^\n]*\n([\s\S]*?)\n\n/m.exec(text)?.[1] ?? "";
    const named = [...table.matchAll(/^ {3}([a-z-]+) {2}/gm)].map(([, name = ""]) => name);
    for (const name of named) {
      assert.ok([...before, ...after].includes(name), `${name} is told to be on, and is not`);
    }
    for (const name of before.filter((each) => after.includes(each))) {
      assert.ok(named.includes(name), `${name} is on, and not told`);
    }
    const { code, stderr } = await onStack("report", "weekly");
    assert.equal(code, 2);
    assert.match(stderr, /report "weekly" does not exist: must be one of morning, /);
  });
});
