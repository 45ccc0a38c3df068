// What every page does: icons, counters beside the navigation, the lifecycle graph, shortcuts.

import { byId, debounce } from "./dom.js";
import { get } from "./http.js";
import { icon } from "./icons.js";
import { every, follow } from "./live.js";
import { useStages } from "./parts.js";

for (const el of document.querySelectorAll("[data-icon]")) el.replaceWith(icon(el.dataset.icon));

document.addEventListener("keydown", (e) => {
  const typing = e.target.closest?.("input, select, textarea");
  if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && byId("search")) {
    e.preventDefault();
    byId("search").focus();
  }
});

function badge(name, n, title, text = "") {
  const el = document.querySelector(`[data-count="${name}"]`);
  if (!el) return;
  el.hidden = !n;
  el.textContent = text || (n > 999 ? "999+" : String(n));
  el.title = title;
}

const watchers = new Set();
let current = null;

async function refresh() {
  const o = await get("/overview");
  useStages(o.stages.length ? o.stages : Object.keys(o.by_stage).filter(Boolean).map((key) => ({ key, label: "", exit: key === "churned" })));
  badge("review", o.review ?? 0, "Pairs of records that await a decision", o.review >= 100 ? "99+" : "");
  badge("letters", o.dead_letters, "Dead letters that wait for a replay");
  badge("dead", o.deliveries.dead ?? 0, "Deliveries that will not be tried again");
  badge("conflict", (o.pushes.conflict ?? 0) + (o.pushes.failed ?? 0), "Fields that could not be written");
  current = o;
  for (const fn of watchers) fn(o);
  return o;
}

// ready resolves once the lifecycle graph is known; it resolves without it where Hub cannot tell.
export const ready = refresh().catch(() => null);

// overview calls fn with the counts, now and whenever they change.
export function overview(fn) {
  watchers.add(fn);
  if (current) fn(current);
}

// recount asks for the counts anew, soon.
export const recount = debounce(() => refresh().catch(() => null), 700);
follow(recount);
every(10000, recount);
