// Deciding who is who: the form that asks for a reason, and what a decision says.

import { h } from "./dom.js";
import * as f from "./format.js";
import { post } from "./http.js";
import { problem, when } from "./parts.js";

// The name that somebody decides by stays in their browser.
const remembered = "hub.author";
function author(name) {
  try {
    if (name !== undefined) localStorage.setItem(remembered, name);
    return localStorage.getItem(remembered) ?? "";
  } catch {
    return "";
  }
}

export const decide = (ruling) => post("/identity/decisions", { author: author() || undefined, ...ruling });

let forms = 0;

// ask puts a form into a place and decides what it is told to, with a reason and a name. done gets the answer; the
// button that opened the form gets the focus back where somebody thinks better of it.
export function ask(place, { question, verb, ruling, optional = false }, done) {
  const opener = document.activeElement, n = ++forms;
  const reason = h("input", { id: `reason-${n}`, type: "text", maxlength: 2000, autocomplete: "off", required: !optional, placeholder: optional ? "Optional" : "What makes you sure?" });
  const name = h("input", { id: `author-${n}`, type: "text", maxlength: 200, autocomplete: "name", placeholder: "console", value: author() });
  const fault = h("div", { "aria-live": "assertive" });
  const send = h("button", { type: "submit", class: "strong" }, verb);
  const form = h("form", { class: "ruling", "aria-labelledby": `question-${n}`, on: { submit, keydown: (e) => e.key === "Escape" && close() } },
    h("p", { class: "question", id: `question-${n}` }, question),
    h("div", { class: "row" }, h("label", { class: "grow" }, h("span", {}, "Reason"), reason), h("label", {}, h("span", {}, "Your name"), name)),
    fault,
    h("div", { class: "row" }, send, h("button", { type: "button", on: { click: close } }, "Cancel")));

  function close() {
    place.replaceChildren();
    if (opener?.isConnected) opener.focus();
  }
  async function submit(e) {
    e.preventDefault();
    if (send.disabled) return;
    if (!optional && !reason.value.trim()) {
      reason.value = "";
      reason.reportValidity();
      return;
    }
    send.disabled = true;
    send.textContent = "Deciding…";
    author(name.value.trim());
    try {
      const answer = await decide({ ...ruling, reason: reason.value.trim() || undefined });
      place.replaceChildren();
      done(answer);
    } catch (err) {
      if (err.code === undefined) throw err;
      fault.replaceChildren(problem(err));
      send.disabled = false;
      send.textContent = verb;
    }
  }
  place.replaceChildren(form);
  reason.focus();
}

const name = (key) => String(key ?? "").replace(/#(company|contact)$/, "");
const isContact = (key) => String(key).endsWith("#contact");
const evidence = { dom: "domain", mail: "e-mail address", vat: "VAT id", reg: "register number" };

// keyText is an evidence key as people read it.
function keyText(key) {
  const [kind, ...rest] = String(key).split(":");
  return evidence[kind] ? `The ${evidence[kind]} ${rest.join(":")}` : key;
}

// sentence is what a decision says.
export function sentence(d) {
  switch (d.kind) {
    case "link":
      if (isContact(d.a) !== isContact(d.b)) return isContact(d.a) ? `${name(d.a)} belongs to ${name(d.b)}.` : `${name(d.b)} belongs to ${name(d.a)}.`;
      return `${name(d.a)} and ${name(d.b)} are the same.`;
    case "unlink": return `${name(d.a)} and ${name(d.b)} are not the same.`;
    case "detach": return `${name(d.a)} is linked by nothing but decisions.`;
    case "generic": return `${keyText(d.key)} tells nobody apart.`;
    case "pin": return `${f.words(d.field)} is “${d.value}”.`;
    case "revoke": return `Takes back ${d.revokes}.`;
    default: return d.kind;
  }
}

// decidedBy tells who decided, when, why and until when.
export function decidedBy(d) {
  return [h("span", { class: "src" }, d.author, " · ", when(d.at), d.expires_at ? [" · until ", h("time", { datetime: d.expires_at, title: f.exact(d.expires_at) }, f.date(d.expires_at))] : null),
    d.reason ? h("span", { class: "src said" }, `“${d.reason}”`) : null];
}

export const recordText = name;
