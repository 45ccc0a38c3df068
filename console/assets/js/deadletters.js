// Inputs that could not be used.

import { byId, debounce, reconcile } from "./dom.js";
import { get, latest } from "./http.js";
import { every, follow } from "./live.js";
import { letter } from "./letters.js";
import { attempt, choices, empty } from "./parts.js";
import "./shell.js";

const size = 50;
let connection = new URLSearchParams(location.search).get("connection") ?? "";
let letters = [], next = "";

const read = latest((signal, after) => get("/deadletters", { connection, after, limit: size }, signal));

async function load({ after = "", mark = false } = {}) {
  await attempt(async () => {
    const page = await read(after);
    if (!page) return;
    letters = after ? [...letters, ...page.dead_letters] : page.dead_letters;
    next = page.next ?? "";
    const root = byId("letters");
    root.setAttribute("aria-busy", "false");
    if (letters.length) reconcile(root, letters, { key: (d) => d.id, build: letter, mark });
    else root.replaceChildren(empty("No dead letters.", "Every record that arrived could be used."));
    byId("more").hidden = !next;
  });
}

async function filters() {
  const { connections } = await get("/connections");
  const list = connections.filter((c) => c.dead_letters || c.name === connection).map((c) => ({ value: c.name, text: c.name, n: c.dead_letters }));
  const total = connections.reduce((sum, c) => sum + c.dead_letters, 0);
  choices(byId("states"), [{ value: "", text: "All connections", n: total }, ...list], connection, (value) => {
    connection = value;
    history.replaceState(null, "", value ? "?connection=" + encodeURIComponent(value) : location.pathname);
    filters().catch(() => null);
    load();
  });
}

// A list that was read further is left as it is: it would jump under the reader's eyes.
const refresh = () => {
  filters().catch(() => null);
  if (letters.length <= size) load({ mark: true });
};
byId("more").addEventListener("click", () => load({ after: next }));
follow(debounce(refresh, 1500));
every(10000, refresh);
filters().catch(() => null);
load();
