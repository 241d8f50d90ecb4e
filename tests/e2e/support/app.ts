import assert from "node:assert/strict";
import { URL_OF_STACK } from "./launcher";

export interface Client {
  id: number;
  name: string;
  email: string;
}

/** Asks the application through nginx, as a browser does. */
export async function api(path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${URL_OF_STACK}${path}`, {
    ...(body !== undefined && {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : (JSON.parse(text) as unknown) };
}

/** Adds a client by the API. @returns Its e-mail address, by which it is found again. */
export async function addClient(name: string): Promise<string> {
  const email = `${name.toLowerCase().replace(/\W+/g, ".")}@example.com`;
  const { status, json } = await api("/api/clients", { name, email });
  assert.equal(status, 201, `adding client ${name}: ${JSON.stringify(json)}`);
  return email;
}
