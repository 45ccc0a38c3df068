// One dead letter.

import { h } from "./dom.js";
import { when } from "./parts.js";

function raw(v) {
  return typeof v === "string" ? v : JSON.stringify(v, null, 2);
}

export function letter(d) {
  const where = [d.connection, d.stream, d.record_id || "no id", d.path].filter(Boolean).join(" · ");
  return h("li", {}, h("p", { class: "top" }, h("b", {}, d.reason), when(d.occurred_at)),
    d.hint ? h("p", { class: "hint" }, d.hint) : null,
    h("p", { class: "about" }, h("span", { class: "mono" }, d.code), " · ", where),
    d.raw === undefined || d.raw === null ? null : h("details", { data: { id: d.id } }, h("summary", {}, "Show the object"), h("pre", { tabindex: "0" }, raw(d.raw))));
}
