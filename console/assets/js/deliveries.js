// What webhook endpoints were told.

import { byId, debounce, h, reconcile } from "./dom.js";
import * as f from "./format.js";
import { get, latest } from "./http.js";
import { icon } from "./icons.js";
import { every, follow } from "./live.js";
import { paging } from "./paging.js";
import { attempt, choices, emptyRow, pill, when } from "./parts.js";
import "./shell.js";

const size = 50;
const states = ["pending", "delivered", "dead", "skipped", "expired"];
let state = new URLSearchParams(location.search).get("state") ?? "";
if (!states.includes(state)) state = "";
const pages = paging(size, load);
const read = latest((signal) => get("/deliveries", { state, after: pages.after(), limit: size }, signal));

function tries(list) {
  if (!list.length) return h("p", { class: "muted" }, "No attempt yet.");
  return h("ol", {}, list.map((a) => h("li", {}, h("b", {}, `Attempt ${a.no}: ${a.status ? "status " + a.status : "no answer"}`), " ", h("span", { class: "muted" }, when(a.at), ` · took ${f.duration(a.took)}`),
    a.error ? h("p", {}, a.error) : null, a.response ? h("pre", { tabindex: "0" }, a.response) : null)));
}

async function unfold(button, tr, id) {
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) {
    tr.nextElementSibling?.classList.contains("attempts") && tr.nextElementSibling.remove();
    return;
  }
  await attempt(async () => {
    const { attempts } = await get(`/deliveries/${encodeURIComponent(id)}/attempts`);
    if (button.getAttribute("aria-expanded") !== "true") return;
    const note = h("tr", { class: "attempts" }, h("td", { colspan: 7 }, tries(attempts)));
    note.recKey = "attempts " + id;
    note.recSign = "attempts";
    tr.after(note);
  });
}

function row(d) {
  const button = h("button", { type: "button", class: "fold", "aria-expanded": "false", "aria-label": "Attempts", on: { click: () => unfold(button, tr, d.id) } }, icon("right"));
  const tr = h("tr", {},
    h("td", {}, pill(d.state)),
    h("td", {}, h("a", { class: "name", href: "/customers/" + encodeURIComponent(d.customer) }, d.type), h("span", { class: "under mono" }, d.id)),
    h("td", { title: d.endpoint }, d.endpoint),
    h("td", { class: "num" }, f.count(d.attempts)),
    h("td", { title: d.reason || null }, d.last_status ? `Status ${d.last_status}` : h("span", { class: "muted" }, d.attempts ? "No answer" : "–"), h("span", { class: "under" }, d.state === "pending" && d.next_at ? ["next ", when(d.next_at)] : d.reason ?? "")),
    h("td", {}, when(d.created_at)),
    h("td", {}, button));
  return tr;
}

async function load({ mark = false } = {}) {
  await attempt(async () => {
    const page = await read();
    if (!page) return;
    byId("table").setAttribute("aria-busy", "false");
    const total = Object.values(page.counts).reduce((sum, n) => sum + n, 0);
    choices(byId("states"), [{ value: "", text: "All", n: total }, ...states.map((s) => ({ value: s, text: f.words(s), n: page.counts[s] ?? 0 }))], state, choose);
    const rows = byId("rows");
    if (page.deliveries.length) {
      const open = [...rows.querySelectorAll("tr.attempts")].map((tr) => ({ id: tr.recKey, tr }));
      reconcile(rows, page.deliveries, { key: (d) => d.id, build: row, mark });
      for (const { id, tr } of open) restore(rows, id.slice("attempts ".length), tr);
    } else {
      rows.replaceChildren(emptyRow(7, state ? "No delivery is in this state." : "Nothing has been delivered yet.", state ? "" : "Add an endpoint under webhooks in hub.yaml; `hub webhooks` shows what it would receive."));
    }
    pages.show(page.deliveries.length, page.next);
  });
}

// restore puts the attempts that a reader unfolded back below their delivery.
function restore(rows, id, note) {
  const tr = [...rows.children].find((el) => el.recKey === id);
  if (!tr) return;
  tr.after(note);
  tr.querySelector(".fold").setAttribute("aria-expanded", "true");
}

function choose(value) {
  state = value;
  history.replaceState(null, "", value ? "?state=" + value : location.pathname);
  pages.reset();
  load();
}

const refresh = () => load({ mark: true });
follow(debounce(refresh, 1500));
every(5000, refresh);
load();
