// Fields written back into vendors' records.

import { byId, debounce, h, reconcile } from "./dom.js";
import * as f from "./format.js";
import { get, latest } from "./http.js";
import { every, follow } from "./live.js";
import { attempt, choices, emptyRow, pill, refText, when } from "./parts.js";
import { overview } from "./shell.js";

const states = ["verified", "conflict", "failed"];
let state = "";
const read = latest((signal) => get("/pushes", { state, limit: 200 }, signal));

function row(p) {
  return h("tr", {},
    h("td", {}, pill(p.state)),
    h("td", {}, h("span", { class: "name" }, p.field), p.reason ? h("span", { class: "under full" }, p.reason) : null),
    h("td", {}, p.customer ? h("a", { class: "name", href: "/customers/" + encodeURIComponent(p.customer) }, p.ref.id) : p.ref.id, h("span", { class: "under" }, `${p.ref.connection} · ${p.ref.stream}`)),
    h("td", { title: p.wanted }, p.wanted === "" ? h("span", { class: "muted" }, "empty") : p.wanted),
    h("td", { title: p.acked ?? "" }, p.has_acked ? p.acked || h("span", { class: "muted" }, "empty") : h("span", { class: "muted" }, "–")),
    h("td", {}, when(p.at)));
}

async function load({ mark = false } = {}) {
  await attempt(async () => {
    const page = await read();
    if (!page) return;
    byId("table").setAttribute("aria-busy", "false");
    if (page.pushes.length) reconcile(byId("rows"), page.pushes, { key: (p) => refText(p.ref) + " " + p.field, build: row, mark });
    else byId("rows").replaceChildren(emptyRow(6, state ? "No field is in this state." : "Nothing has been written back yet.", state ? "" : "Name the fields to write under push in hub.yaml; `hub plan` shows what would be written."));
  });
}

overview((o) => {
  const total = Object.values(o.pushes).reduce((sum, n) => sum + n, 0);
  const draw = () => choices(byId("states"), [{ value: "", text: "All", n: total }, ...states.map((s) => ({ value: s, text: f.words(s), n: o.pushes[s] ?? 0 }))], state, (value) => {
    state = value;
    draw();
    load();
  });
  draw();
});
const refresh = () => load({ mark: true });
follow(debounce(refresh, 1500));
every(10000, refresh);
load();
