import { UserError } from "../errors";

/** A server as `ssh` is told about it. */
export interface Target {
  /** Name, address or an alias of the user's ssh_config. IPv6 without brackets. */
  readonly server: string;
  /** Undefined leaves the choice to ssh_config. */
  readonly user?: string;
  readonly port?: number;
  /** The setting, as a person wrote it. */
  readonly setting: string;
}

const FORM = "must be ssh://user@server or ssh://user@server:port";

/**
 * Parses `fitnesscrm:host`, which must lead to another machine: the engine of this one is the toolchain's concern.
 *
 * @param where The settings file, for the error.
 * @throws UserError naming the key, its value and what is allowed.
 */
export function parseTarget(setting: string | undefined, where: string): Target {
  const refuse = (reason: string): never => {
    throw new UserError(`${where}: fitnesscrm:host ${reason}`, 2);
  };
  if (setting === undefined || setting === "") {
    return refuse(`is not set: ${FORM}`);
  }
  const shown = JSON.stringify(setting);
  let url: URL;
  try {
    url = new URL(setting);
  } catch {
    return refuse(`is ${shown}: ${FORM}`);
  }
  if (url.password !== "") {
    // The value is not repeated: it holds a password.
    return refuse("holds a password: remove it and use a key (ssh-copy-id puts one on the server)");
  }
  const server = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const rest = url.pathname.replace(/^\/$/, "") + url.search + url.hash;
  if (url.protocol !== "ssh:" || rest !== "" || !/^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/.test(server)) {
    return refuse(`is ${shown}: ${FORM}`);
  }
  const user = decodeURIComponent(url.username);
  if (user !== "" && !/^[A-Za-z_][A-Za-z0-9_.@-]*$/.test(user)) {
    return refuse(`is ${shown}: ${JSON.stringify(user)} is not a user's name`);
  }
  return {
    server,
    ...(user !== "" && { user }),
    ...(url.port !== "" && { port: Number(url.port) }),
    setting,
  };
}
