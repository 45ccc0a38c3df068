// The timeline of a customer.

import { byId, debounce, h, reconcile } from "./dom.js";
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
  { value: "company.,contact.,person.,owner.,identity.", text: "People" },
  { value: "stage.,score.,milestone.", text: "Lifecycle" },
];

function line(e) {
  const { name, color } = iconOf(e);
  const badge = h("span", { class: "badge " + color }, icon(name));
  const source = refText(e.ref);
  return h("li", {}, badge,
    h("div", {}, h("p", { class: "say" }, e.summary), h("p", { class: "about" }, h("span", { class: "mono" }, e.type), source ? " · " + source : "")),
    h("div", { class: "side-info" }, e.amount ? h("b", {}, f.money(e.amount)) : null, h("time", { datetime: e.occurred_at, title: f.exact(e.occurred_at) }, f.time(e.occurred_at))));
}

// most is how many pages are held at once: what is read further drops what lies at the other end, and either end can be
// read again.
const most = 4;

// moment is what a picker says, as the API wants it: the reader's own zone there, UTC here. A minute stands for its end.
function moment(input) {
  const t = input.value ? new Date(input.value) : null;
  return t && !Number.isNaN(t.getTime()) ? new Date(t.getTime() + 59999).toISOString() : "";
}

// local is the opposite, for what an address says.
function local(iso) {
  const t = new Date(iso);
  return !iso || Number.isNaN(t.getTime()) ? "" : new Date(t.getTime() - t.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

// asked keeps what the pickers say in the address, so that it can be handed on, and tells it in words.
function asked(change) {
  const at = byId("at"), known = byId("known"), query = new URLSearchParams(location.search);
  at.value = local(query.get("at"));
  known.value = local(query.get("known_at"));
  const params = () => ({ at: moment(at), known_at: moment(known) });
  function tell() {
    const p = params(), q = new URLSearchParams(location.search);
    for (const [k, v] of Object.entries(p)) v ? q.set(k, v) : q.delete(k);
    history.replaceState(null, "", q.size ? "?" + q : location.pathname);
    byId("now").disabled = !p.at && !p.known_at;
    const minute = (iso) => `${f.date(iso)}, ${f.time(iso)}`;
    const said = [p.at ? `what had happened by ${minute(p.at)}` : "what happened", p.known_at ? `as Hub knew it at ${minute(p.known_at)}` : "as it is known now"];
    byId("asof-said").textContent = p.at || p.known_at ? `Shows ${said.join(", ")}.` : "";
  }
  const picked = debounce(() => { tell(); change(); }, 250);
  for (const el of [at, known]) el.addEventListener("change", picked);
  byId("asof").addEventListener("submit", (e) => { e.preventDefault(); picked(); });
  byId("now").addEventListener("click", () => {
    at.value = known.value = "";
    tell();
    at.focus();
    change();
  });
  tell();
  return params;
}

// timeline draws the timeline of the customer at a route and returns what keeps it fresh.
export function timeline(at) {
  const root = byId("timeline"), older = byId("more"), newer = byId("newer");
  // pages are neighbours, the newest first, each with its events and the tokens of what comes next and before.
  let kind = "", pages = [], turning = false;
  const params = asked(() => load());
  const past = () => Object.values(params()).some(Boolean);

  function draw(mark) {
    root.setAttribute("aria-busy", "false");
    const events = pages.flatMap((p) => p.events);
    older.hidden = !pages.at(-1)?.next;
    newer.hidden = !pages[0]?.prev;
    if (!events.length) {
      root.replaceChildren(kind ? empty("Nothing of this kind.", "Choose Everything to see the rest.") :
        past() ? empty("Nothing had happened, or was known, by then.", "Choose a later moment, or go back to now.") : empty("Nothing has happened yet.", "Events appear as records arrive."));
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
  }

  const read = latest((signal, place) => get(at + "/timeline", { ...params(), types: kind, ...place, limit: size }, signal));
  // fresh leaves out what stands on a page that is held already.
  const fresh = (page) => {
    const held = new Set(pages.flatMap((p) => p.events.map((e) => e.id)));
    return { ...page, events: page.events.filter((e) => !held.has(e.id)) };
  };

  async function load() {
    await attempt(async () => {
      const page = await read({});
      if (!page) return;
      // What lies before the newest page is not there to be read.
      pages = [{ ...page, prev: "" }];
      draw(false);
    }, "timeline");
  }

  async function turn(down) {
    turning = true;
    await attempt(async () => {
      const page = await read(down ? { after: pages.at(-1).next } : { before: pages[0].prev });
      if (!page) return;
      if (down) pages = [...pages, fresh(page)].slice(-most);
      else pages = [fresh(page), ...pages].slice(0, most);
      const edge = (down ? root.lastElementChild : root.firstElementChild)?.querySelector("li");
      const before = edge?.getBoundingClientRect().top;
      draw(false);
      // What the reader looks at stays where it is, however much goes or comes above it.
      if (edge?.isConnected) scrollBy({ top: edge.getBoundingClientRect().top - before, behavior: "instant" });
    }, "timeline");
    turning = false;
  }

  // refresh reads the newest page again. What was loaded below it stays, unless so much is new that the two do not meet.
  // Whoever reads further down, or looks at the past, is left alone.
  async function refresh() {
    if (turning || pages[0]?.prev || params().known_at) return;
    await attempt(async () => {
      const page = await read({});
      if (!page) return;
      const ids = new Set(page.events.map((e) => e.id));
      const meets = pages.some((p) => p.events.some((e) => ids.has(e.id)));
      const first = { ...page, prev: "" };
      const oldest = Date.parse(page.events.at(-1)?.occurred_at);
      const rest = pages.flatMap((p) => p.events).filter((e) => !ids.has(e.id) && Date.parse(e.occurred_at) <= oldest);
      const keep = meets && page.next && pages.length > 1 && rest.length < (most + 1) * size;
      // The token before the second page leads back a little too far, to what is held already.
      pages = keep ? [first, { events: rest, next: pages.at(-1).next, prev: pages[1].prev }] : [first];
      draw(true);
    }, "timeline");
  }

  function choose(value) {
    kind = value;
    choices(byId("kinds"), kinds, kind, choose);
    load();
  }

  older.addEventListener("click", () => turn(true));
  newer.addEventListener("click", () => turn(false));
  choose("");
  return { refresh };
}
