// The list of customers.

import { byId, debounce, h, reconcile } from "./dom.js";
import * as f from "./format.js";
import { get, latest } from "./http.js";
import { follow } from "./live.js";
import { paging } from "./paging.js";
import { attempt, choices, emptyRow, scoreBar, stageClass, stageLabel, stageMark, when } from "./parts.js";
import { overview, ready } from "./shell.js";

const size = 50;
const query = new URLSearchParams(location.search);
const state = { search: query.get("search") ?? "", stage: query.get("stage") ?? "", band: query.get("band") ?? "", sort: query.get("sort") || "name" };
const inputs = { search: byId("search"), band: byId("band"), sort: byId("sort") };
for (const [k, el] of Object.entries(inputs)) {
  el.value = state[k];
  if (el.value !== state[k]) state[k] = el.value = k === "sort" ? "name" : "";
}
const pages = paging(size, load);
let counts = null, touched = new Set();

const filtered = () => state.search !== "" || state.stage !== "" || state.band !== "";

function row(c) {
  return h("tr", { class: "link" },
    h("td", {}, h("a", { class: "name whole", href: "/customers/" + encodeURIComponent(c.id) }, c.name || c.domain || c.id), h("span", { class: "under" }, c.domain || (c.type === "person" ? "Person" : "Company"))),
    h("td", {}, stageMark(c.stage), c.stage_since ? h("span", { class: "under" }, "since " + f.date(c.stage_since)) : null),
    h("td", {}, scoreBar(c.score, c.band)),
    h("td", { class: "num" }, c.mrr ? f.money(c.mrr) : h("span", { class: "muted" }, "–")),
    h("td", {}, when(c.last_event_at)));
}

const read = latest((signal) => get("/customers", { ...state, after: pages.after(), limit: size }, signal));

async function load({ mark = false, turned = false } = {}) {
  byId("table").classList.add("stale");
  byId("table").setAttribute("aria-busy", "true");
  await attempt(async () => {
    const page = await read();
    if (!page) return;
    await ready;
    byId("table").classList.remove("stale");
    byId("table").setAttribute("aria-busy", "false");
    draw(page, mark);
    if (turned) byId("main").scrollIntoView();
  });
}

function draw(page, mark) {
  const rows = byId("rows");
  if (page.customers.length) {
    reconcile(rows, page.customers, { key: (c) => c.id, build: row, mark, sign: (c) => JSON.stringify(c) + (touched.has(c.id) ? Date.now() : "") });
  } else if (filtered()) {
    rows.replaceChildren(emptyRow(5, "No customer matches.", "", h("button", { type: "button", on: { click: clear } }, "Clear the filters")));
  } else {
    rows.replaceChildren(emptyRow(5, "No customers yet.", "Connect a system in hub.yaml and start `hub run`, or look around in a made-up company with `hub demo`."));
  }
  touched = new Set();
  pages.show(page.customers.length, page.next, page.total);
  byId("total").textContent = filtered() ? `${f.plural(page.total, "match", "matches")}` : "";
}

function change(part) {
  Object.assign(state, part);
  pages.reset();
  const url = new URLSearchParams(Object.entries(state).filter(([k, v]) => v && !(k === "sort" && v === "name")));
  history.replaceState(null, "", url.size ? "?" + url : location.pathname);
  for (const [k, el] of Object.entries(inputs)) if (el.value !== state[k]) el.value = state[k];
  if (counts) cards(counts);
  return load();
}

function clear() {
  change({ search: "", stage: "", band: "" });
  inputs.search.focus();
}

const bands = [["green", "Green"], ["yellow", "Yellow"], ["red", "Red"], ["unknown", "Unknown"]];

function bandCard(o) {
  const total = Math.max(1, bands.reduce((sum, [k]) => sum + (o.by_band[k] ?? 0), 0));
  return h("div", { class: "card wide" }, h("h2", {}, "Health"),
    h("div", { class: "split", "aria-hidden": "true" }, bands.filter(([k]) => o.by_band[k]).map(([k]) => h("i", { class: k, width: (100 * o.by_band[k]) / total + "%" }))),
    h("div", { class: "legend" }, bands.map(([k, text]) =>
      h("button", { type: "button", class: k, "aria-pressed": String(state.band === k), on: { click: () => change({ band: state.band === k ? "" : k }) } }, h("i", { class: "swatch" }), text, h("b", {}, f.short(o.by_band[k] ?? 0))))));
}

function card(title, big, sub) {
  return h("div", { class: "card" }, h("h2", {}, title), h("p", { class: "big" }, big), h("p", { class: "sub", title: sub }, sub));
}

function cards(o) {
  const d = o.deliveries, sent = d.delivered ?? 0;
  const trouble = [d.pending ? `${f.short(d.pending)} pending` : "", d.dead ? `${f.short(d.dead)} dead` : "", d.expired ? `${f.short(d.expired)} expired` : ""].filter(Boolean);
  byId("overview").replaceChildren(
    card("Customers", f.short(o.customers), `${f.short(o.events)} events`),
    bandCard(o),
    card("Deliveries", f.short(sent), trouble.join(", ") || (sent ? "all delivered" : "none so far")),
    card("Dead letters", f.short(o.dead_letters), o.dead_letters ? "wait for a replay" : "none waits"));
  const order = o.stages.map((s) => s.key);
  const rest = Object.keys(o.by_stage).filter((k) => k && !order.includes(k)).sort();
  const list = [...order, ...rest].map((k) => ({ value: k, text: stageLabel(k), n: o.by_stage[k] ?? 0, mark: h("span", { class: "stage " + stageClass(k) }) }));
  choices(byId("stages"), [{ value: "", text: "All stages", n: o.customers }, ...list], state.stage, (stage) => change({ stage }));
}

byId("tools").addEventListener("submit", (e) => e.preventDefault());
inputs.search.addEventListener("input", debounce(() => change({ search: inputs.search.value.trim() }), 150));
inputs.band.addEventListener("change", () => change({ band: inputs.band.value }));
inputs.sort.addEventListener("change", () => change({ sort: inputs.sort.value }));

overview((o) => {
  const grew = counts && counts.customers !== o.customers;
  counts = o;
  cards(o);
  if (grew && pages.first()) load({ mark: true });
});

const soon = debounce(() => load({ mark: true }), 600);
follow((c) => {
  if (c) touched.add(c.customer);
  soon();
});
load();
