import type { ResourceHandler } from "../lib/types";
import { explain, type Thing } from "./errors";
import { hasRole, type Server, type Session } from "./server";
import { checkInputs, liveInputs, previewState, type Shape, setsOf } from "./shape";
import { ident } from "./sql";
import type { GrantRoleInputs, GrantRoleState } from "./types";

const SHAPE: Shape<GrantRoleInputs> = {
  role: { type: "string", required: true, name: true },
  grantRole: { type: "string", required: true, name: true },
  withAdminOption: { type: "boolean", default: false },
};

function thing({ role, grantRole }: { role: string; grantRole: string }): Thing {
  return { kind: "grant of role", name: `${grantRole} to ${role}` };
}

async function readMembership(
  session: Session,
  { role, grantRole }: { role: string; grantRole: string },
): Promise<GrantRoleState | undefined> {
  // One membership may have been granted by several roles.
  const [row] = await session.query<{ admin: boolean | null }>(
    `SELECT pg_catalog.bool_or(admin_option) AS admin FROM pg_catalog.pg_auth_members
     WHERE pg_catalog.pg_get_userbyid(member) = $1 AND pg_catalog.pg_get_userbyid(roleid) = $2`,
    [role, grantRole],
  );
  const admin = row?.admin ?? undefined;
  return admin === undefined ? undefined : { role, grantRole, withAdminOption: admin };
}

function membershipId(state: GrantRoleInputs): string {
  return [state.role, state.grantRole, state.withAdminOption ?? false].join("_");
}

async function revoke(
  session: Session,
  { role, grantRole }: { role: string; grantRole: string },
): Promise<void> {
  if ((await hasRole(session, role)) && (await hasRole(session, grantRole))) {
    await session.query(`REVOKE ${ident(grantRole)} FROM ${ident(role)}`);
  }
}

/** `postgresql.GrantRole`. Its id is `<role>_<granted role>_<with admin option>`; any change replaces it. */
export const grantRole: ResourceHandler<Server, GrantRoleInputs, GrantRoleState> = {
  token: "postgresql:index/grantRole:GrantRole",
  replaceOn: ["role", "grantRole", "withAdminOption"],
  sets: setsOf(SHAPE),
  check: (news) => checkInputs(SHAPE, news),
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    try {
      const state = await server.change(undefined, async (session) => {
        await revoke(session, inputs);
        const option = inputs.withAdminOption ? " WITH ADMIN OPTION" : "";
        await session.query(`GRANT ${ident(inputs.grantRole)} TO ${ident(inputs.role)}${option}`);
        return readMembership(session, inputs);
      });
      if (state === undefined) {
        throw new Error("it is gone right after it was made");
      }
      return { id: membershipId(state), state };
    } catch (error) {
      throw explain("create", thing(inputs), error);
    }
  },
  async read(server, id, state, oldInputs) {
    const membership = state ?? oldInputs;
    if (membership === undefined) {
      throw new Error(
        `grant of role ${JSON.stringify(id)} cannot be imported: declare it, granting it again changes nothing`,
      );
    }
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    try {
      const live = await server.read(undefined, (session) => readMembership(session, membership));
      return live === undefined
        ? undefined
        : { id: membershipId(live), state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(membership), error);
    }
  },
  async delete(server, _id, state) {
    try {
      await server.change(undefined, (session) => revoke(session, state));
    } catch (error) {
      throw explain("delete", thing(state), error);
    }
  },
};
