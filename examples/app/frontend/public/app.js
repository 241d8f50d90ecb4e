import { ApiError, call } from "./api.js";

const PER_PAGE = 20;
const PLANS = { basic: "Basic", plus: "Plus", personal: "Personal training" };
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

const $ = (id) => document.getElementById(id);
const state = { page: 1, search: "", request: undefined };

function show(name) {
  for (const id of ["starting", "unreachable", "login", "clients"]) $(id).hidden = id !== name;
  $("account").hidden = name !== "clients";
}

/** One sentence with a capital and a full stop, however the server wrote it. */
function sentence(text) {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    $("toast").hidden = true;
  }, 4000);
}

async function start() {
  show("starting");
  try {
    const { email } = await call("/api/session");
    if (email) enter(email);
    else askForLogin();
  } catch (error) {
    $("unreachable-reason").textContent = sentence(error.message);
    show("unreachable");
  }
}

function askForLogin() {
  show("login");
  $("login-email").focus();
}

function enter(email) {
  $("account-email").textContent = email;
  show("clients");
  load();
}

/** Runs a form's request with its button held, so that a second click sends nothing twice. */
async function submit(form, notice, work) {
  const button = form.querySelector("[type=submit]");
  notice.hidden = true;
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    notice.textContent = sentence(error.message);
    notice.hidden = false;
    return error;
  } finally {
    button.disabled = false;
  }
}

$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  await submit(event.target, $("login-error"), async () => {
    const user = await call("/api/login", { body: { email, password } });
    event.target.reset();
    enter(user.email);
    $("main").focus();
  });
});

$("logout").addEventListener("click", async () => {
  try {
    await call("/api/logout", { body: {} });
    $("rows").replaceChildren();
    askForLogin();
  } catch (error) {
    toast(sentence(error.message));
  }
});

function cell(kind, content) {
  const td = document.createElement("td");
  td.className = kind;
  if (content) {
    td.append(content);
  } else {
    const none = document.createElement("span");
    none.className = "none";
    none.textContent = "–";
    td.append(none);
  }
  return td;
}

function row(client) {
  const tr = document.createElement("tr");
  const tag = document.createElement("span");
  tag.className = "tag";
  tag.textContent = PLANS[client.plan] ?? client.plan;
  tr.append(
    cell("name", client.name),
    cell("email", client.email),
    cell("phone", client.phone),
    cell("plan", tag),
    cell("since", DATE.format(new Date(client.created_at))),
  );
  return tr;
}

function skeleton() {
  return Array.from({ length: 4 }, (_, index) => {
    const tr = document.createElement("tr");
    for (const kind of ["name", "email", "phone", "plan", "since"]) {
      const bone = document.createElement("span");
      bone.className = `bone bone-${(index % 3) + 1}`;
      tr.append(cell(kind, bone));
    }
    return tr;
  });
}

async function load() {
  state.request?.abort();
  const request = new AbortController();
  state.request = request;
  $("list").setAttribute("aria-busy", "true");
  $("empty").hidden = true;
  $("list-error").hidden = true;
  $("list").querySelector("table").hidden = false;
  if (!$("rows").childElementCount) $("rows").replaceChildren(...skeleton());
  const query = new URLSearchParams({ page: state.page, per_page: PER_PAGE, search: state.search });
  try {
    const answer = await call(`/api/clients?${query}`, { signal: request.signal });
    render(answer);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("rows").replaceChildren();
    if (error.status === 401) {
      askForLogin();
      return;
    }
    $("list").querySelector("table").hidden = true;
    $("count").textContent = "";
    $("pages").hidden = true;
    $("list-error-reason").textContent = sentence(error.message);
    $("list-error").hidden = false;
  }
  $("list").setAttribute("aria-busy", "false");
}

function render({ items, total, page, per_page: perPage }) {
  const last = Math.max(1, Math.ceil(total / perPage));
  if (page > last) {
    state.page = last;
    load();
    return;
  }
  $("rows").replaceChildren(...items.map(row));
  $("count").textContent = `${total} ${total === 1 ? "client" : "clients"}${state.search ? " found" : ""}`;
  $("list").querySelector("table").hidden = total === 0;
  $("empty").hidden = total > 0;
  $("empty-title").textContent = state.search ? "Nobody found" : "No clients yet";
  $("empty-text").textContent = state.search
    ? `No client's name, email or phone contains “${state.search}”.`
    : "Add the first one, it takes a minute.";
  $("empty-add").hidden = state.search !== "";
  $("pages").hidden = last === 1;
  $("page").textContent = `Page ${page} of ${last}`;
  $("previous").disabled = page === 1;
  $("next").disabled = page === last;
}

let typing;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    state.search = $("search").value.trim();
    state.page = 1;
    load();
  }, 250);
});

function turn(by) {
  state.page += by;
  load();
  $("clients-title").scrollIntoView({ block: "nearest" });
}
$("previous").addEventListener("click", () => turn(-1));
$("next").addEventListener("click", () => turn(1));
$("retry-list").addEventListener("click", load);
$("retry-start").addEventListener("click", start);

function markFields(fields) {
  for (const name of ["name", "email", "phone", "plan", "notes"]) {
    const reason = fields[name];
    $(`add-${name}`).setAttribute("aria-invalid", String(Boolean(reason)));
    $(`add-${name}-error`).hidden = !reason;
    $(`add-${name}-error`).textContent = reason ? sentence(reason) : "";
  }
  const first = $("add-form").querySelector("[aria-invalid=true]");
  first?.focus();
}

function openForm() {
  $("add-form").reset();
  $("add-error").hidden = true;
  markFields({});
  $("add-dialog").showModal();
  $("add-name").focus();
}
$("add").addEventListener("click", openForm);
$("empty-add").addEventListener("click", openForm);
$("cancel").addEventListener("click", () => $("add-dialog").close());

$("add-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  markFields({});
  const failed = await submit(event.target, $("add-error"), async () => {
    const client = await call("/api/clients", { body: Object.fromEntries(new FormData(event.target)) });
    $("add-dialog").close();
    toast(`${client.name} was added.`);
    await load();
  });
  if (failed) markFields(failed.fields);
});

start();
