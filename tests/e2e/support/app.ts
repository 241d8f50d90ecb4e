import assert from "node:assert/strict";
import { mustOnStack, URL_OF_STACK } from "./launcher";

/** The account that the stack makes at its first start. */
export const ADMIN_EMAIL = "admin@example.com";

export interface Client {
  id: number;
  name: string;
  email: string;
}

/** Asks the application through nginx, as a browser does. */
export async function api(
  path: string,
  body?: unknown,
  cookie?: string,
): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${URL_OF_STACK}${path}`, {
    ...(body !== undefined && {
      method: "POST",
      body: JSON.stringify(body),
    }),
    headers: { "content-type": "application/json", ...(cookie !== undefined && { cookie }) },
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : (JSON.parse(text) as unknown) };
}

/** The generated password of {@link ADMIN_EMAIL}. */
export async function adminPassword(): Promise<string> {
  return (await mustOnStack("secrets", "show", "adminPassword")).stdout.trim();
}

/** Logs in. @returns The session's cookie. */
export async function logIn(): Promise<string> {
  const response = await fetch(`${URL_OF_STACK}/api/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: ADMIN_EMAIL, password: await adminPassword() }),
  });
  assert.equal(response.status, 200, "logging in");
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}

/** Adds a client by the API. @returns Its e-mail address, by which it is found again. */
export async function addClient(name: string): Promise<string> {
  const email = `${name.toLowerCase().replace(/\W+/g, ".")}@example.com`;
  const { status, json } = await api("/api/clients", { name, email }, await logIn());
  assert.equal(status, 201, `adding client ${name}: ${JSON.stringify(json)}`);
  return email;
}
