// Where the data comes from, and how well it flows.

import { byId, debounce, h } from "./dom.js";
import * as f from "./format.js";
import { get } from "./http.js";
import { every, follow } from "./live.js";
import { letter } from "./letters.js";
import { attempt, empty, pill, problem, when } from "./parts.js";
import "./shell.js";

let drawn = "";

function progress(s) {
  if (s.status !== "pulling" || !s.total || s.backfilled_at) return null;
  const share = Math.min(100, (100 * s.held) / s.total);
  return h("span", { class: "track blue bar-in", title: `${f.count(s.held)} of ${f.count(s.total)}` }, h("i", { width: share + "%" }));
}

function stream(s) {
  const cells = h("tr", { class: s.error ? "has-note" : "" },
    h("td", {}, h("span", { class: "name" }, f.words(s.stream))),
    h("td", {}, pill(s.status), progress(s)),
    h("td", {}, when(s.succeeded_at, "never"), s.succeeded_at ? h("span", { class: "under" }, `${f.date(s.succeeded_at)}, ${f.time(s.succeeded_at)}`) : null),
    h("td", { class: "num" }, f.count(s.held)), h("td", { class: "num" }, f.count(s.records)), h("td", { class: "num" }, f.count(s.changed)),
    h("td", { class: "num" }, s.dead_letters ? h("a", { href: "/deadletters?connection=" + encodeURIComponent(s.connection) }, f.count(s.dead_letters)) : "0"));
  if (!s.error && !s.notice) return [cells];
  return [cells, h("tr", { class: "note" }, h("td", { colspan: 7 }, s.error ? problem(s.error) : null, s.notice ? problem(s.notice) : null,
    s.error && s.failed_at ? h("p", { class: "hint" }, "Failed ", when(s.failed_at)) : null))];
}

const lanes = ["webhook", "push", "incremental", "backfill"];

// budget says what of a vendor's allowance is left and what waits for it; null where there is nothing to say.
function budget(b) {
  const waiting = lanes.filter((l) => b.waiting?.[l]).map((l) => `${f.count(b.waiting[l])} ${l}`);
  const parts = [];
  if (waiting.length) parts.push(`${waiting.join(", ")} waiting${b.until ? ` until ${f.time(b.until)}` : ""}.`);
  if (b.why) parts.push(b.why);
  if (b.rate && b.rate < b.most) parts.push(`${f.count(b.rate)} of ${f.count(b.most)} requests per ${f.duration(b.per_seconds * 1e9)} for now.`);
  if (b.daily_left !== undefined) parts.push(`${f.count(b.daily_left)} requests left today.`);
  if (!parts.length) return null;
  return h("li", { class: b.why || waiting.length ? "waits" : "" }, h("b", {}, b.name === "default" ? "Requests" : f.words(b.name)), " ", parts.join(" "));
}

// flow says what a connection waits for, and how long its token is good for.
function flow(c) {
  const items = (c.budgets ?? []).map(budget).filter(Boolean);
  if (c.token_ends) items.push(h("li", {}, h("b", {}, "Token"), ` until ${f.date(c.token_ends)}, ${f.time(c.token_ends)}`));
  return items.length ? h("ul", { class: "flow" }, items) : null;
}

// sighted leaves out what moves with every request, so that the page is drawn again only for what it shows.
const sighted = (c) => ({ ...c, budgets: c.budgets?.map((b) => ({ ...b, sent: 0, refused: 0 })) });

const columns = [["Stream", ""], ["State", ""], ["Last success", ""], ["Held", "num"], ["Received", "num"], ["Changed", "num"], ["Dead letters", "num"]];

function card(c, letters) {
  return h("section", { class: "panel conn", "aria-label": c.name, id: "connection-" + c.name },
    h("header", {}, h("div", {}, h("h2", {}, c.name), h("p", { class: "muted" }, [c.title, c.category].filter(Boolean).join(" · "))), pill(c.status),
      h("p", { class: "sum-up" }, `${f.plural(c.held, "record")} held`)),
    h("table", { class: "list" }, h("caption", { class: "off" }, `Streams of ${c.name}`),
      h("thead", {}, h("tr", {}, columns.map(([text, cls]) => h("th", { scope: "col", class: cls }, text)))), h("tbody", {}, c.streams.flatMap(stream))),
    flow(c),
    letters.length ? h("ul", { class: "letters" }, letters.map((d) => letter(d)), c.dead_letters > letters.length
      ? h("li", {}, h("a", { href: "/deadletters?connection=" + encodeURIComponent(c.name) }, `All ${f.count(c.dead_letters)} dead letters`)) : null) : null);
}

// summary says how many connections are in trouble and leads to the first of them.
function summary(connections) {
  const failing = connections.filter((c) => c.status === "failed");
  const text = `${f.plural(failing.length, "connection")} of ${connections.length} ${failing.length === 1 ? "needs" : "need"} attention`;
  byId("total").replaceChildren(failing.length ? h("a", { href: "#connection-" + encodeURIComponent(failing[0].name) }, text) : connections.length ? "All is well" : "");
}

async function load() {
  await attempt(async () => {
    const { connections } = await get("/connections");
    const letters = await Promise.all(connections.map((c) => (c.dead_letters ? get("/deadletters", { connection: c.name, limit: 3 }).then((d) => d.dead_letters) : [])));
    const root = byId("connections"), sign = JSON.stringify([connections.map(sighted), letters]);
    root.setAttribute("aria-busy", "false");
    summary(connections);
    if (sign === drawn) return;
    drawn = sign;
    const open = new Set([...root.querySelectorAll("details[open]")].map((d) => d.dataset.id));
    root.replaceChildren(...(connections.length ? connections.map((c, i) => card(c, letters[i]))
      : [h("div", { class: "panel" }, empty("Nothing is connected.", "Describe a connection in hub.yaml, try it with `hub check`, then start `hub run`. `hub connectors list` says what can be connected."))]));
    for (const d of root.querySelectorAll("details")) d.open = open.has(d.dataset.id);
  });
}

follow(debounce(load, 1000));
every(3000, load);
load();
