// The health of a customer: the score, its history, and where every point went.

import { h } from "./dom.js";
import * as f from "./format.js";
import { stageLabel, when } from "./parts.js";

const ns = "http://www.w3.org/2000/svg";

function shape(tag, attributes) {
  const el = document.createElementNS(ns, tag);
  for (const [k, v] of Object.entries(attributes)) el.setAttribute(k, v);
  return el;
}

// sparkline draws the scores over time as steps, since a score holds until the next one. Times without a
// score are gaps.
function sparkline(history) {
  const points = history.map((a) => ({ t: Date.parse(a.at), v: a.health.value })).reverse();
  if (points.filter((p) => p.v !== null).length < 2) return null;
  const from = points[0].t, to = Math.max(points.at(-1).t, from + 1);
  const x = (t) => ((t - from) / (to - from)) * 240, y = (v) => 52 - (v / 100) * 48;
  let d = "", down = false, last = null;
  for (const p of points) {
    if (p.v === null) {
      if (down) d += `H${x(p.t).toFixed(1)}`;
      down = false;
      continue;
    }
    d += down ? `H${x(p.t).toFixed(1)}V${y(p.v).toFixed(1)}` : `M${x(p.t).toFixed(1)} ${y(p.v).toFixed(1)}`;
    down = true;
    last = p;
  }
  const values = points.filter((p) => p.v !== null).map((p) => p.v);
  const svg = shape("svg", { viewBox: "0 0 240 56", role: "img", "aria-label": `Health from ${f.date(from)} to ${f.date(to)}, between ${Math.round(Math.min(...values))} and ${Math.round(Math.max(...values))}` });
  svg.append(shape("rect", { class: "zone", x: 0, y: 28, width: 240, height: 24, rx: 3 }), shape("path", { d }), shape("circle", { cx: x(last.t), cy: y(last.v), r: 4 }));
  return h("div", { class: "spark" }, svg, h("p", {}, h("span", {}, f.date(from)), h("span", {}, f.date(to))));
}

const bandOf = (curve) => (curve >= 70 ? "green" : curve >= 40 ? "yellow" : "red");

// proof is a button and the list that it shows: the events behind a measure.
function proof(ids, evidence) {
  const found = (ids ?? []).map((id) => evidence[id]).filter(Boolean);
  if (!found.length) return [];
  const list = h("ul", { class: "proof", hidden: true }, found.map((e) => h("li", {}, e.summary, " ", when(e.occurred_at))));
  const button = h("button", { type: "button", class: "quiet show", "aria-expanded": "false", on: { click: () => {
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
  } } }, f.plural(found.length, "event"));
  return [button, list];
}

function measure(m, widest, evidence) {
  const name = h("div", { class: "what" }, m.title || f.words(m.measure), " ", m.value === null ? null : h("span", {}, f.measured(m.value, m.unit)));
  const full = Math.max(4, (100 * (m.points + m.points_lost)) / widest);
  return h("div", { class: "measure " + bandOf(m.curve), title: `Worth ${f.decimal(m.curve, 0)} of 100, weighs ${f.decimal(100 * m.weight)} %` }, name,
    h("div", { class: "why" }, m.reason),
    h("div", { class: "bar", "aria-hidden": "true" }, h("span", { width: full + "%" }, h("i", { width: m.curve + "%" }))),
    h("div", { class: "points" }, h("b", {}, "+" + f.decimal(m.points)), " ", h("span", { title: "Points lost" }, m.points_lost >= 0.05 ? "−" + f.decimal(m.points_lost) : "")),
    ...proof(m.evidence, evidence));
}

function unknown(m) {
  return h("div", { class: "measure unknown" }, h("div", { class: "what" }, m.title || f.words(m.measure)), h("div", { class: "why" }, m.na || m.reason),
    h("div", { class: "bar", "aria-hidden": "true" }, h("span", { class: "hatch" })), h("div", { class: "points" }, h("span", {}, "no data")));
}

function groups(x) {
  const by = new Map();
  for (const m of [...x.health.known, ...x.health.missing]) {
    const name = m.group || "Measures";
    by.set(name, [...(by.get(name) ?? []), m]);
  }
  const sum = (list, k) => list.reduce((s, m) => s + (m[k] || 0), 0);
  const widest = Math.max(1, ...x.health.known.map((m) => m.points + m.points_lost));
  const isKnown = new Set(x.health.known);
  return [...by].map(([name, list]) => {
    const points = sum(list, "points"), most = points + sum(list, "points_lost");
    return h("div", { class: "group" }, h("h3", {}, f.words(name), h("span", {}, most ? `${f.decimal(points)} of ${f.decimal(most)} points` : "not counted")),
      list.map((m) => (isKnown.has(m) ? measure(m, widest, x.evidence) : unknown(m))));
  });
}

// health fills root from an explanation and the history of assessments, newest first.
export function health(root, x, history) {
  const s = x.health, known = s.value !== null;
  const shown = (button) => button.parentElement.querySelector(".what").firstChild.textContent;
  const open = new Set([...root.querySelectorAll(".show[aria-expanded=true]")].map(shown));
  root.replaceChildren(
    h("div", { class: "health-top " + (known ? s.band : "unknown") },
      h("p", { class: "value" }, known ? String(Math.round(s.value)) : "–", h("small", {}, known ? " of 100" : "")),
      h("div", { class: "said" }, known ? h("span", { class: "pill " + s.band }, f.words(s.band)) : h("span", { class: "pill" }, "Too little is known"),
        h("p", { class: "hint" }, `${f.decimal(100 * s.coverage, 0)} % of the weight is known`), h("p", { class: "hint" }, "as of ", when(x.at), " by ", x.policy)),
      sparkline(history)),
    s.caps.length ? "" : h("p", {}, x.headline),
    h("p", { class: "hint" }, x.stage.reason ? `Why ${x.stage.label || stageLabel(x.stage.key)}: ${x.stage.reason}` : ""),
    ...s.caps.map((c) => h("div", { class: "caps" }, `Held down to ${f.decimal(c.max, 0)}: ${c.reason}`)),
    ...groups(x),
    h("p", { class: "sum" }, s.known.length ? `${f.decimal(s.before_caps)} points and ${f.decimal(s.points_lost)} lost make 100.` + (known && s.value < s.before_caps - 0.05 ? ` Caps take it down to ${f.decimal(s.value)}.` : "") : "No measure is known, so there is no score: missing is not zero."));
  for (const button of root.querySelectorAll(".show")) if (open.has(shown(button))) button.click();
}
