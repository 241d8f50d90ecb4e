/** Where the API is: the page's own origin unless the build was told another. "/api" at its end is the route's, not its. */
function apiBase() {
  const given = (window.FITNESSCRM_API_URL ?? "").replace(/\/+$/, "").replace(/\/api$/, "");
  return given === window.location.origin ? "" : given;
}

/** An answer that is no success. `status` is 0 when there was none; `fields` says, by name, what is wrong with which. */
export class ApiError extends Error {
  constructor(status, message, fields) {
    super(message);
    this.status = status;
    this.fields = fields ?? {};
  }
}

/** Calls the API and returns its JSON. Throws an ApiError, or the AbortError of `signal`. */
export async function call(path, { body, signal } = {}) {
  const base = apiBase();
  let response;
  try {
    response = await fetch(base + path, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: base === "" ? "same-origin" : "include",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "There is no connection to the server.");
  }
  const answer = await response.json().catch(() => undefined);
  if (!response.ok || answer === undefined) {
    throw new ApiError(
      response.status,
      answer?.error ?? `The server answered ${response.status}.`,
      answer?.fields,
    );
  }
  return answer;
}
