import assert from "node:assert/strict";
import { rolesIn } from "../../../../ops/restore/roles";

describe("the roles that a dump speaks of", () => {
  const cases: [string, string, string[]][] = [
    ["owners", "ALTER TABLE public.clients OWNER TO fitnesscrm_app;", ["fitnesscrm_app"]],
    [
      "who is granted something",
      'GRANT SELECT ON TABLE public.a TO reader,"Odd ""one";',
      ['Odd "one', "reader"],
    ],
    ["who has something revoked", "REVOKE ALL ON SCHEMA public FROM migrator;", ["migrator"]],
    [
      "default privileges, on both sides",
      "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO reader;",
      ["app", "reader"],
    ],
    ["who a policy is for", "CREATE POLICY mine ON public.a TO alice, bob USING (true);", ["alice", "bob"]],
    [
      "who is mapped to another server",
      "CREATE USER MAPPING FOR carol SERVER elsewhere OPTIONS (\n",
      ["carol"],
    ],
  ];
  for (const [what, sql, expected] of cases) {
    it(`are ${what}`, () => assert.deepEqual(rolesIn(`--\n${sql}\n`), expected));
  }

  it("are neither PUBLIC nor those that every server has", () => {
    assert.deepEqual(rolesIn("GRANT USAGE ON SCHEMA public TO PUBLIC;\nGRANT pg_monitor TO pg_monitor;"), []);
    assert.deepEqual(rolesIn("GRANT USAGE ON SCHEMA public TO public;"), []);
  });

  it("are not looked for in rows or other statements", () => {
    assert.deepEqual(rolesIn("COMMENT ON TABLE a IS 'GRANT all TO nobody';\nSELECT 1 FROM somewhere;"), []);
  });
});
