// Pieces that several pages share.

import { h, byId } from "./dom.js";
import * as f from "./format.js";

let stages = [];

// useStages sets the lifecycle graph: key, label and whether it is an exit, in order.
export function useStages(list) {
  stages = list;
}

export function stageClass(key) {
  const s = stages.findIndex((x) => x.key === key);
  if (s < 0) return "";
  return stages[s].exit ? "exit" : "s" + (s % 7);
}

export const stageLabel = (key) => stages.find((s) => s.key === key)?.label || f.words(key);

export function stageMark(key, label) {
  if (!key) return h("span", { class: "muted" }, "No stage yet");
  return h("span", { class: "stage " + stageClass(key) }, label || stageLabel(key));
}

const bandClass = (band) => (["green", "yellow", "red"].includes(band) ? band : "unknown");

export function scoreBar(score, band) {
  if (score === null || score === undefined) {
    return h("div", { class: "score unknown", title: "Too little is known for a score" }, h("b", {}, "–"), h("span", { class: "track hatch" }), h("span", { class: "off" }, "Health unknown"));
  }
  return h("div", { class: "score " + bandClass(band), title: `Health ${f.decimal(score)} of 100, ${band}` },
    h("b", {}, String(Math.round(score))), h("span", { class: "track" }, h("i", { width: Math.max(2, Math.min(100, score)) + "%" })), h("span", { class: "off" }, band));
}

// when shows how long ago a moment was; it keeps counting.
export function when(iso, never = "–") {
  if (!iso) return h("span", { class: "muted" }, never);
  return h("time", { datetime: iso, title: f.exact(iso), data: { ago: "" } }, f.ago(iso));
}

setInterval(() => {
  for (const el of document.querySelectorAll("time[data-ago]")) el.textContent = f.ago(el.dateTime);
}, 20000);

const pills = {
  ok: ["green", "Up to date"], pulling: ["blue", "Pulling"], failed: ["red", "Failed"], never: ["unknown", "Not yet pulled"],
  delivered: ["green", "Delivered"], pending: ["blue", "Pending"], dead: ["red", "Dead"], skipped: ["unknown", "Skipped"], expired: ["yellow", "Expired"],
  verified: ["green", "Verified"], conflict: ["yellow", "Conflict"],
};

export function pill(state) {
  const [color, text] = pills[state] ?? ["unknown", f.words(state)];
  return h("span", { class: "pill " + color }, text);
}

export const refText = (ref) => (ref?.connection ? `${ref.connection} · ${ref.stream} · ${ref.id}` : "");

// problem shows a canon error or a Problem: the sentence, what to do, and the code.
export function problem(e) {
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, e.message, " ", e.code ? h("span", { class: "mono" }, e.code) : null), e.hint ? h("p", { class: "hint" }, e.hint) : null);
}

// attempt runs an async function and shows what went wrong above the content, until the part of the page that
// stumbled goes well again. It reports whether it went well.
export async function attempt(fn, part = "page") {
  const notice = byId("notice"), old = notice?.querySelector(`[data-part="${part}"]`);
  try {
    await fn();
    old?.remove();
    return true;
  } catch (err) {
    const known = err.code !== undefined;
    if (!known) console.error(err);
    const box = problem(known ? err : { message: "This page stumbled over an answer of Hub.", hint: "Load it again. If it stays, the browser's console names the cause." });
    box.dataset.part = part;
    old?.remove();
    if (notice && ![...notice.children].some((el) => el.textContent === box.textContent)) notice.append(box);
    return false;
  }
}

// empty fills a place where nothing is, and says what to do. Text between backquotes is shown as a command.
export function empty(text, hint, action) {
  const parts = (hint ?? "").split("`").map((p, i) => (i % 2 ? h("code", {}, p) : p));
  return h("div", { class: "empty" }, h("p", {}, text), hint ? h("p", { class: "hint" }, parts) : null, action ?? null);
}

// emptyRow is empty in a table.
export function emptyRow(columns, ...args) {
  return h("tr", {}, h("td", { colspan: columns }, empty(...args)));
}

// choices fills a group of buttons of which one is pressed.
export function choices(parent, list, current, choose) {
  const focused = document.activeElement?.closest?.("[data-value]");
  const value = parent.contains(focused) ? focused.dataset.value : null;
  parent.replaceChildren(...list.map((c) => h("button", { type: "button", "aria-pressed": String(c.value === current), data: { value: c.value }, on: { click: () => choose(c.value) } },
    c.mark ?? null, c.text, c.n === undefined ? null : h("span", { class: "n" }, f.short(c.n)))));
  if (value !== null) parent.querySelector(`[data-value="${CSS.escape(value)}"]`)?.focus();
}
