import assert from "node:assert/strict";
import { DockerHost } from "../../../cli/docker";
import { SuperuserPassword } from "../../../cli/rotation/superuser";
import { docker, exec, healthy, image, logs, Sandbox, stop, tryDocker } from "./sandbox";

// Every kind of character that a shell, a connection string or a password file could trip over.
const PASSWORD = "p'a\"s$s\\w:o rd`#%";
const DATA = "/var/lib/postgresql/data";

describe("the superuser's password, replaced while the server runs", function () {
  this.timeout(240_000);
  const NEXT = "fi:rst\\next-password";
  const LATER = "a-later-password";
  let container: string;
  const sandbox = new Sandbox();
  const login = (password: string) =>
    tryDocker([
      "exec",
      `--env=PGPASSWORD=${password}`,
      "--env=PGPASSFILE=/dev/null",
      container,
      ...["psql", "-w", "-h", "127.0.0.1", "-U", "postgres", "-d", "fitnesscrm", "-Atc", "SELECT 'in'"],
    ]);
  const sql = (text: string) => exec(container, "psql", "-U", "postgres", "-d", "fitnesscrm", "-Atc", text);
  const server = () => new SuperuserPassword(new DockerHost(""), container);
  const isIn = async (password: string) => (await login(password)).stdout.trim() === "in";
  const restart = async () => {
    await stop(container, 60);
    await docker(["start", container]);
    await healthy(container);
  };
  before(async () => {
    await sandbox.open();
    container = await sandbox.start({
      image: await image("images/postgres"),
      args: ["-c", "log_statement=all"],
      volumes: {
        [DATA]: "rotated",
        "/run/secrets": await sandbox.secrets("rotated", { postgres_password: `${PASSWORD}\n` }),
      },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    await healthy(container);
  });
  after(() => sandbox.close());

  it("takes the new one without a restart, and refuses the one of before", async () => {
    const started = await sql("SELECT pg_postmaster_start_time()");
    assert.equal(await server().accepts(NEXT), false);
    await server().admit(NEXT);
    assert.equal(await isIn(NEXT), true);
    assert.equal(await isIn(PASSWORD), false);
    assert.equal((await tryDocker(["exec", container, "/usr/local/bin/healthcheck"])).code, 0);
    assert.equal(await sql("SELECT pg_postmaster_start_time()"), started);
  });

  it("keeps it over a restart with the secret of before", async () => {
    await restart();
    assert.equal(await isIn(NEXT), true);
    assert.equal(await isIn(PASSWORD), false);
    assert.equal(await sql("SELECT 1"), "1");
  });

  it("is given one at its start that was kept, but that it was not told of any more", async () => {
    await exec(container, "bash", "-c", `. /usr/local/bin/superuser.sh; keep_password ${LATER}`);
    assert.equal(await isIn(NEXT), true);
    await restart();
    assert.equal(await isIn(LATER), true);
    assert.equal(await isIn(NEXT), false);
  });

  it("keeps none in clear, and shows none in its log", async () => {
    const kept = await exec(container, "bash", "-c", `tr -d '\\0' <${DATA}/superuser-password`);
    assert.match(await exec(container, "ls", "-l", `${DATA}/superuser-password`), /^-rw------- /);
    for (const text of [kept, await logs(container)]) {
      for (const password of [PASSWORD, NEXT, LATER]) {
        assert.equal(text.includes(password), false);
      }
    }
  });

  it("takes a secret that was declared anew", async () => {
    await sandbox.secrets("rotated", { postgres_password: "declared-anew-password\n" });
    await restart();
    assert.equal(await isIn("declared-anew-password"), true);
    assert.equal(await isIn(LATER), false);
  });

  it("refuses an empty one with one line", async () => {
    const { code, stderr } = await tryDocker(["exec", container, "replace-password"]);
    assert.equal(code, 1);
    assert.match(stderr, /^postgres: the new password of the role postgres is empty: .*\n$/);
  });
});
