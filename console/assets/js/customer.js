// One customer.

import { byId, debounce, h, reconcile } from "./dom.js";
import * as f from "./format.js";
import { health } from "./health.js";
import { get } from "./http.js";
import { icon } from "./icons.js";
import { follow } from "./live.js";
import { attempt, empty, refText, stageClass, stageLabel, stageMark, when } from "./parts.js";
import { overview, ready } from "./shell.js";
import { timeline } from "./timeline.js";
import { who } from "./who.js";

const id = decodeURIComponent(location.pathname.split("/")[2]);
const at = "/customers/" + encodeURIComponent(id);
let graph = [], customer = null, moves = [], first = true;
// ranks are the places of the members' evidence on the ladder, by kind and record.
let ranks = new Map();

function head(c) {
  const a = c.assessment;
  document.title = `${c.name || c.id} · Hub`;
  byId("who").replaceChildren(h("h1", {}, c.name || c.domain || c.id),
    h("p", { class: "muted", id: "whoabout" },
      a ? stageMark(a.stage, a.stage_label) : null,
      h("span", {}, c.type === "person" ? "Person" : "Company"),
      c.domain ? h("span", {}, c.domain) : null,
      a?.mrr ? h("span", {}, f.money(a.mrr) + " MRR") : null,
      c.first_seen_at ? h("span", { title: f.exact(c.first_seen_at) }, "Known since " + f.date(c.first_seen_at)) : null,
      (a?.flags ?? []).map((flag) => h("span", { class: "pill yellow" }, f.words(flag))),
      h("span", { class: "mono", title: "Customer id" }, c.id)));
}

// path shows every stage with the day on which it was last entered. What was passed before the current turn
// through the lifecycle is not shown as passed.
function path(c) {
  const a = c.assessment, entered = new Map();
  for (const m of [...moves].reverse()) entered.set(m.data?.to, m.occurred_at);
  if (a?.stage) entered.set(a.stage, a.stage_since ?? entered.get(a.stage));
  const list = graph.length ? graph : [...entered.keys()].filter(Boolean).map((key) => ({ key, label: "" }));
  const now = list.findIndex((s) => s.key === a?.stage);
  byId("path").replaceChildren(...list.map((s, i) => {
    const day = entered.get(s.key), current = i === now;
    const past = !current && day && (list[now]?.exit ? !s.exit : i < now);
    const said = current ? (day ? "since " + f.date(day) : "now") : day ? f.date(day) : past ? "passed" : "";
    return h("li", { class: `${stageClass(s.key)} ${current ? "now" : past ? "past" : ""}`, "aria-current": current ? "step" : null, title: current ? a.stage_reason : null },
      h("span", { class: "mark" }, s.label || stageLabel(s.key)), h("small", {}, said || "\u00a0"));
  }));
}

const policies = { source_priority: "by order of sources", most_recent: "the most recent", most_frequent: "the most frequent", longest: "the longest", any_true: "any that says so" };

// origin tells where a value of the golden record comes from: the record, why it won and when it was so; of a pinned
// value who pinned it, why and until when.
function origin(x) {
  if (x.policy === "pinned" || x.author) {
    return [h("dd", { class: "src" }, h("span", { class: "pill blue" }, "Pinned"), " by ", x.author || "somebody", x.observed_at ? [" · ", when(x.observed_at)] : null,
      " · ", x.expires_at ? ["until ", h("time", { datetime: x.expires_at, title: f.exact(x.expires_at) }, f.date(x.expires_at))] : "until it is taken back"),
      x.reason ? h("dd", { class: "src said" }, `“${x.reason}”`) : null];
  }
  const seen = x.modified_at ? ["modified ", when(x.modified_at)] : x.observed_at ? ["seen ", when(x.observed_at)] : null;
  const both = x.modified_at && x.observed_at ? `Modified ${f.exact(x.modified_at)}, seen ${f.exact(x.observed_at)}` : null;
  return [h("dd", { class: "src" }, refText(x.source)),
    h("dd", { class: "src", title: both }, x.rule || policies[x.policy] || f.words(x.policy ?? ""), x.rule && x.rule !== "only source" && policies[x.policy] ? ` (${policies[x.policy]})` : "", seen ? [" · ", ...seen] : null)];
}

function profile(c) {
  const fields = c.fields ?? [];
  if (!fields.length) {
    byId("fields").replaceChildren(empty("No field is known yet.", "Fields come from the members' records."));
    return;
  }
  reconcile(byId("fields"), fields, {
    key: (x) => x.name + "\u0000" + x.value, mark: !first,
    build: (x) => h("div", {}, h("dt", {}, f.words(x.name)), h("dd", {}, x.value), ...origin(x)),
  });
}

function members(c, ranked = false) {
  const list = c.members ?? [];
  byId("members-title").textContent = list.length ? `Members (${f.count(list.length)})` : "Members";
  const shown = list.slice(0, 100);
  reconcile(byId("members"), shown, {
    key: (m) => m.kind + refText(m.ref), mark: !first && !ranked, sign: (m) => JSON.stringify([m, ranks.get(m.kind + refText(m.ref))]),
    build: (m) => h("li", {}, icon(m.kind), h("div", {}, h("b", {}, m.name || m.email || m.ref.id), m.email && m.name ? h("span", { class: "src" }, m.email) : null,
      h("span", { class: "src" }, refText(m.ref)), because(m))),
  });
  if (list.length > shown.length) byId("members").append(h("li", {}, h("span", { class: "muted" }, `and ${f.count(list.length - shown.length)} more`)));
}

function because(m) {
  const rank = ranks.get(m.kind + refText(m.ref));
  const place = rank ? h("span", { class: "rank", title: "Place on the ladder of evidence, 1 the surest" }, `rank ${rank}`) : null;
  if (!m.why || m.why === "source") return h("span", { class: "src" }, "by itself");
  return h("span", { class: "src" }, "because of " + m.why, place ? " " : null, place);
}

async function load() {
  const well = await attempt(async () => {
    const explained = get(at + "/explain").catch((err) => (err.code === "assessment.none" ? null : Promise.reject(err)));
    const all = await Promise.all([get(at), explained, get(at + "/assessments", { limit: 200, brief: true }), get(at + "/timeline", { types: "stage.changed", limit: 100 })]);
    await ready;
    customer = all[0];
    moves = all[3].events;
    head(customer);
    path(customer);
    profile(customer);
    members(customer);
    if (all[1]) health(byId("health-body"), all[1], all[2].assessments);
    else byId("health-body").replaceChildren(empty("Not assessed yet.", "The first score comes with the first records."));
    first = false;
  });
  // Empty boxes below a reason help nobody.
  for (const el of document.querySelectorAll("#who, #path, .two")) el.hidden = first && !well;
}

overview((o) => {
  graph = o.stages;
  if (customer) path(customer);
});
const line = timeline(at);
const identity = who(at, load(), (w) => {
  ranks = new Map(w.members.map((m) => [m.kind + refText(m.ref), m.rank]));
  if (customer) members(customer, true);
});
const soon = debounce(() => { load(); line.refresh(); identity.refresh(); }, 400);
follow((c) => {
  if (!c || !customer || c.customer === customer.id) soon();
});
