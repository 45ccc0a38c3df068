// Why a customer's records are one: decisions, evidence that was turned down, other ids, moves.

import { byId, h } from "./dom.js";
import * as f from "./format.js";
import { get, latest } from "./http.js";
import { attempt, problem, when } from "./parts.js";
import { ask, decidedBy, recordText, sentence } from "./rulings.js";

// few is how many entries of a list are shown at first.
const few = 6;

// part is a list with its heading; what is more than a few opens on demand, and stays open.
function part(title, items, build, { left = 0, none = null, open = new Set() } = {}) {
  if (!items.length && none === null) return null;
  const rest = items.slice(few);
  return h("section", { class: "part" }, h("h3", {}, items.length ? `${title} (${f.count(items.length + left)})` : title),
    items.length ? h("ul", {}, items.slice(0, few).map(build)) : h("p", { class: "hint" }, none),
    rest.length || left ? h("details", { data: { part: title }, open: open.has(title) }, h("summary", {}, `${f.count(rest.length + left)} more`), h("ul", {}, rest.map(build), left ? h("li", {}, h("span", { class: "src" }, `and ${f.count(left)} that are not shown here`)) : null)) : null);
}

function edge(e) {
  return h("li", {}, h("b", {}, e.key), " ", h("span", { class: "rank", title: "Place on the ladder of evidence, 1 the surest" }, `rank ${e.rank}`),
    h("span", { class: "src" }, `${recordText(e.a)} and ${recordText(e.b)}`), e.rejected ? h("span", { class: "src said" }, "Turned down: " + e.rejected) : null);
}

function move(m) {
  const link = (id, here) => (id ? (id === here ? "this customer" : h("a", { href: "/customers/" + encodeURIComponent(id) }, h("span", { class: "mono" }, id))) : "nobody");
  return (here) => h("li", {}, h("b", {}, recordText(m.entity) || "A forgotten record"), h("span", { class: "src" }, link(m.from, here), " → ", link(m.to, here), " · ", when(m.at)), m.why ? h("span", { class: "src" }, "because of " + m.why) : null);
}

// who draws who is who of the customer at a route, tells of each answer, and returns what reads it anew. It waits for what
// stands above it, so that nothing jumps.
export function who(at, above, told) {
  const root = byId("identity"), notice = byId("identity-notice");
  let drawn = "";
  const read = latest((signal) => get(at + "/identity", {}, signal));

  function decision(d) {
    const place = h("div", { class: "place" });
    const back = h("button", { type: "button", class: "small", "aria-label": "Take back: " + sentence(d), on: { click: () =>
      ask(place, { question: "Take this back, as though it had never been decided?", verb: "Take back", ruling: { kind: "revoke", revokes: d.id }, optional: true }, async (answer) => {
        await load();
        notice.replaceChildren(h("p", { class: "hint", role: "status", tabindex: "-1" }, answer.applied ? "Taken back: " + sentence(d) : "It is taken back shortly."));
        notice.firstChild.focus({ preventScroll: true });
      }) } }, "Take back");
    return h("li", {}, h("div", { class: "with" }, h("b", {}, sentence(d)), back), ...decidedBy(d), place);
  }

  function draw(w) {
    const left = (name) => w.left_off?.[name] ?? 0;
    const open = new Set([...root.querySelectorAll("details[open]")].map((el) => el.dataset.part));
    const build = (m) => move(m)(w.customer);
    root.replaceChildren(...[
      w.waiting ? h("p", { class: "waits" }, h("a", { href: "/review?customer=" + encodeURIComponent(w.customer) }, `${f.plural(w.waiting, "pair awaits", "pairs await")} a decision`)) : null,
      part("Decisions", w.decisions, decision, { left: left("decisions"), none: "Nothing is decided; records and rules alone say who this is.", open }),
      part("Evidence turned down", w.rejected, edge, { left: left("rejected"), none: "No evidence was turned down.", open }),
      part("Contested", w.contested, (c) => h("li", {}, h("b", {}, c.key), h("span", { class: "src" }, c.reason)), { left: left("contested"), open }),
      folded("Evidence that holds", w.accepted, edge, left("accepted"), open),
      part("Owns", w.children, (c) => h("li", {}, h("a", { href: "/customers/" + encodeURIComponent(c.id) }, c.name || c.id)), { left: left("children"), open }),
      folded("Other ids that mean this customer", w.aliases, (a) => h("li", { class: "mono" }, a), left("aliases"), open),
      folded("Moves of records", w.moves, build, left("moves"), open),
    ].filter(Boolean));
  }

  async function load() {
    let w;
    try {
      w = await read();
    } catch (err) {
      if (err.code === undefined) throw err;
      root.setAttribute("aria-busy", "false");
      await above;
      // What does not exist is told above already.
      if (!err.code.endsWith(".unknown")) (drawn ? notice : root).replaceChildren(problem(err));
      return;
    }
    if (!w) return;
    await above;
    root.setAttribute("aria-busy", "false");
    notice.replaceChildren();
    told(w);
    // An open form stays as it is, and what has not changed is not drawn again.
    const now = JSON.stringify(w);
    if (now === drawn || root.querySelector(".ruling")) return;
    drawn = now;
    draw(w);
  }
  const safely = () => attempt(load, "identity");
  safely();
  return { refresh: safely };
}

// folded is a list that opens on demand as a whole.
function folded(title, items, build, left, open) {
  if (!items.length) return null;
  return h("details", { class: "part", data: { part: title }, open: open.has(title) }, h("summary", {}, `${title} (${f.count(items.length + left)})`),
    h("ul", {}, items.map(build), left ? h("li", {}, h("span", { class: "src" }, `and ${f.count(left)} that are not shown here`)) : null));
}
