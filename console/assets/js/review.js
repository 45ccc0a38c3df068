// Pairs of records that may be the same, and deciding about them.

import { byId, debounce, h, reconcile } from "./dom.js";
import * as f from "./format.js";
import { get, latest } from "./http.js";
import { icon } from "./icons.js";
import { every, follow } from "./live.js";
import { attempt, choices, empty, refText } from "./parts.js";
import { ask, decide } from "./rulings.js";
import { recount } from "./shell.js";

const size = 20;
const query = new URLSearchParams(location.search);
const customer = query.get("customer") ?? "";
const kinds = [{ value: "", text: "Everything" }, { value: "company", text: "Companies" }, { value: "contact", text: "People" }];
let kind = kinds.some((k) => k.value === query.get("kind")) ? query.get("kind") : "";
let pairs = [], next = "";
// What was decided on this page stays in its place, so that it can be taken back where it was decided.
const done = new Map();

const read = latest((signal, after) => get("/identity/candidates", { kind, customer, after, limit: size }, signal));
const called = (side) => side.title || side.ref.id;

function head(side) {
  return h("th", { scope: "col" }, h("b", {}, called(side)), h("span", { class: "src" }, refText(side.ref)),
    side.customer ? h("span", { class: "src" }, "of ", h("a", { href: "/customers/" + encodeURIComponent(side.customer) }, side.customer_name || side.customer)) : null,
    side.created_at ? h("span", { class: "src" }, "since " + f.date(side.created_at)) : null);
}

// mark says in words how two values compare.
function mark(c) {
  if (!c.left || !c.right) return h("td", { class: "mark" }, h("span", { class: "off" }, "known of one only"));
  return h("td", { class: "mark" }, c.equal ? "= equal" : "differs");
}

const value = (v) => (v ? h("td", {}, v) : h("td", { class: "none" }, h("span", { "aria-hidden": "true" }, "–"), h("span", { class: "off" }, "not known")));

function sides(p) {
  return h("div", { class: "scroll" }, h("table", { class: "sides" },
    h("caption", { class: "off" }, "Both records side by side"),
    h("thead", {}, h("tr", {}, h("td", {}), head(p.left), h("td", { class: "mark" }), head(p.right))),
    h("tbody", {}, p.fields.map((c) => h("tr", { class: c.equal ? "equal" : "" }, h("th", { scope: "row" }, f.words(c.name)), value(c.left), mark(c), value(c.right))))));
}

function reasons(p) {
  const line = (sign, said, text) => h("li", {}, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "off" }, said), text);
  return h("ul", { class: "reasons" }, p.for.map((x) => (x.startsWith("contested: ") ? line("!", "", f.words(x.slice(0, 9)) + x.slice(9)) : line("+", "For: ", x))), p.against.map((x) => line("−", "Against: ", x)));
}

function decided(p, was) {
  const text = was.decision.kind === "link" ? "are the same" : "are not the same";
  const fault = h("span", { class: "off", role: "status" });
  const back = h("button", { type: "button", on: { click: async () => {
    back.disabled = true;
    const well = await attempt(() => decide({ kind: "revoke", revokes: was.decision.id }), "back-" + p.id);
    back.disabled = false;
    if (!well) return;
    done.delete(p.id);
    draw();
    recount();
    card(p.id)?.querySelector("button")?.focus();
  } } }, "Take back");
  return h("li", { class: "panel pair decided", data: { id: p.id } }, h("p", { tabindex: "-1", role: "status" }, h("span", { class: "pill green" }, was.already ? "Was decided" : "Decided"), " ",
    h("b", {}, called(p.left)), " and ", h("b", {}, called(p.right)), ` ${text}.`, was.applied ? "" : " It takes effect shortly."), fault, back);
}

function open(p) {
  const place = h("div", { class: "place" });
  const button = (verb, ruling, question, klass) => h("button", { type: "button", class: klass, on: { click: () => ask(place, { question, verb, ruling: { kind: ruling, a: p.left.key, b: p.right.key } }, (answer) => {
    done.set(p.id, { ...answer, since: performance.now() });
    draw();
    recount();
    card(p.id)?.querySelector("[tabindex]")?.focus();
  }) } }, verb);
  const percent = Math.round(p.score * 100);
  const id = "pair-" + p.id;
  return h("li", { class: "panel pair", "aria-labelledby": id, data: { id: p.id } },
    h("header", {}, icon(p.kind), h("h2", { id }, called(p.left), h("span", { class: "muted" }, " and "), called(p.right)),
      p.contested ? h("span", { class: "pill yellow", title: "Evidence would link the two by itself, but it is contested" }, "Contested") : null,
      h("span", { class: "alike", title: `Rank ${p.rank}` }, h("span", { class: "track blue", "aria-hidden": "true" }, h("i", { width: percent + "%" })), `${percent} % alike`)),
    sides(p), reasons(p),
    h("div", { class: "acts" }, button("Same", "link", `Why are ${called(p.left)} and ${called(p.right)} the same?`, "strong"),
      button("Not the same", "unlink", `Why are ${called(p.left)} and ${called(p.right)} not the same?`, "")),
    place);
}

const card = (id) => byId("pairs").querySelector(`[data-id="${CSS.escape(id)}"]`);

function draw(light = false) {
  const root = byId("pairs");
  root.setAttribute("aria-busy", "false");
  if (pairs.length) reconcile(root, pairs, { key: (p) => p.id, sign: (p) => JSON.stringify([p, done.get(p.id)?.decision.id]), build: (p) => (done.has(p.id) ? decided(p, done.get(p.id)) : open(p)), mark: light });
  else {
    root.replaceChildren(h("li", { class: "panel" }, empty("Nothing awaits a decision.",
      "Hub brings records together by evidence: a shared domain, address or id. Pairs that are merely alike, or whose evidence is contested, come here, and you say whether they are the same. Rules for what is proposed stand under `identity` in hub.yaml.")));
  }
  byId("more").hidden = !next;
}

async function load({ after = "", light = false } = {}) {
  await attempt(async () => {
    const began = performance.now();
    const page = await read(after);
    if (!page) return;
    const fresh = page.candidates, ids = new Set(fresh.map((p) => p.id));
    if (after) {
      const had = new Set(pairs.map((p) => p.id));
      pairs = [...pairs, ...fresh.filter((p) => !had.has(p.id))];
    } else {
      // A pair that is open again was taken back elsewhere, unless it was decided since the queue was asked for.
      for (const id of ids) if (light && done.get(id)?.since < began) done.delete(id);
      const kept = pairs.map((p, i) => [p, i]).filter(([p]) => done.has(p.id) && !ids.has(p.id));
      pairs = fresh;
      for (const [p, i] of kept) pairs.splice(Math.min(i, pairs.length), 0, p);
    }
    next = page.next ?? "";
    draw(light);
  });
}

function filter() {
  choices(byId("states"), kinds, kind, (v) => {
    kind = v;
    const q = new URLSearchParams(location.search);
    if (v) q.set("kind", v);
    else q.delete("kind");
    history.replaceState(null, "", q.size ? "?" + q : location.pathname);
    done.clear();
    pairs = [];
    filter();
    load();
  });
}

if (customer) {
  byId("only").append("Only pairs with a record of one customer. ", h("a", { href: "/review" }, "Show all"));
  byId("only").hidden = false;
}
// Nothing moves under somebody who is about to decide, or who has read further.
const refresh = () => {
  if (!document.querySelector(".ruling") && pairs.length <= size) load({ light: true });
};
byId("more").addEventListener("click", () => load({ after: next }));
follow(debounce(refresh, 1500));
every(15000, refresh);
filter();
load();
