// The timeline of a customer.

import { byId, h, reconcile } from "./dom.js";
import * as f from "./format.js";
import { get, latest } from "./http.js";
import { icon, iconOf } from "./icons.js";
import { attempt, choices, empty, refText } from "./parts.js";

const size = 50;
const kinds = [
  { value: "", text: "Everything" },
  { value: "deal.,quote.", text: "Sales" },
  { value: "subscription.,invoice.,credit.", text: "Billing" },
  { value: "ticket.", text: "Support" },
  { value: "usage.", text: "Usage" },
  { value: "survey.", text: "Surveys" },
  { value: "touch.", text: "Touches" },
  { value: "company.,contact.,owner.,identity.", text: "People" },
  { value: "stage.,score.", text: "Lifecycle" },
];

function line(e) {
  const { name, color } = iconOf(e);
  const badge = h("span", { class: "badge " + color }, icon(name));
  const source = refText(e.ref);
  return h("li", {}, badge,
    h("div", {}, h("p", { class: "say" }, e.summary), h("p", { class: "about" }, h("span", { class: "mono" }, e.type), source ? " · " + source : "")),
    h("div", { class: "side-info" }, e.amount ? h("b", {}, f.money(e.amount)) : null, h("time", { datetime: e.occurred_at, title: f.exact(e.occurred_at) }, f.time(e.occurred_at))));
}

// timeline draws the timeline of the customer at a route and returns what keeps it fresh.
export function timeline(at) {
  const root = byId("timeline"), more = byId("more");
  let kind = "", events = [], next = "";

  function draw(mark) {
    root.setAttribute("aria-busy", "false");
    if (!events.length) {
      root.replaceChildren(kind ? empty("Nothing of this kind.", "Choose Everything to see the rest.") : empty("Nothing has happened yet.", "Events appear as records arrive."));
      more.hidden = true;
      return;
    }
    const days = new Map();
    for (const e of events) {
      const name = f.day(e.occurred_at);
      days.set(name, [...(days.get(name) ?? []), e]);
    }
    const had = new Map([...root.children].map((el) => [el.recKey, el]));
    reconcile(root, [...days.keys()], {
      key: (d) => d, sign: (d) => d,
      build: (d) => h("section", {}, h("h3", { class: "day" }, d), h("ul", { class: "events" })),
    });
    for (const section of root.children) {
      const list = section.querySelector("ul");
      reconcile(list, days.get(section.recKey), { key: (e) => e.id, build: line, mark: mark && (had.has(section.recKey) || had.size > 0) });
    }
    more.hidden = !next;
  }

  const read = latest((signal, after) => get(at + "/timeline", { types: kind, after, limit: size }, signal));

  async function load(after = "") {
    await attempt(async () => {
      const page = await read(after);
      if (!page) return;
      events = after ? [...events, ...page.events] : page.events;
      next = page.next ?? "";
      draw(false);
    }, "timeline");
  }

  // refresh reads the newest page again. What was loaded below it stays, unless so much is new that the two
  // do not meet.
  async function refresh() {
    await attempt(async () => {
      const page = await read("");
      if (!page) return;
      const ids = new Set(page.events.map((e) => e.id));
      const meets = events.some((e) => ids.has(e.id));
      const oldest = page.events.at(-1)?.occurred_at ?? "";
      const kept = meets && page.next ? events.filter((e) => !ids.has(e.id) && Date.parse(e.occurred_at) <= Date.parse(oldest)) : [];
      if (!kept.length) next = page.next ?? "";
      events = [...page.events, ...kept];
      draw(true);
    }, "timeline");
  }

  function choose(value) {
    kind = value;
    choices(byId("kinds"), kinds, kind, choose);
    load();
  }

  more.addEventListener("click", () => load(next));
  choose("");
  return { refresh };
}
