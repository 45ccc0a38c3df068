// Building and patching the page. Text only ever becomes a text node, so what a vendor's record holds cannot
// become markup.

// h builds an element: class, dataset and on are special, false and null attributes are left out.
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(props ?? {})) {
    if (v === null || v === undefined || v === false) continue;
    if (k === "class") el.className = v;
    else if (k === "on") for (const [type, fn] of Object.entries(v)) el.addEventListener(type, fn);
    else if (k === "data") Object.assign(el.dataset, v);
    else if (k === "width") el.style.width = v; // the policy forbids style attributes, not the object model
    else el.setAttribute(k, v === true ? "" : v);
  }
  el.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

export const byId = (id) => document.getElementById(id);

// reconcile makes the children of parent show items, keyed, and touches only what changed: focus, selection
// and open details survive. Where mark is set, new and changed children light up for a moment.
export function reconcile(parent, items, { key, build, mark = false, sign = JSON.stringify }) {
  const had = new Map();
  for (const el of [...parent.children]) {
    if (el.recKey === undefined) el.remove();
    else had.set(el.recKey, el);
  }
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item), s = sign(item), old = had.get(k);
    had.delete(k);
    if (old && old.recSign === s) {
      if (old === at) at = at.nextElementSibling;
      else parent.insertBefore(old, at);
      continue;
    }
    const el = build(item);
    el.recKey = k;
    el.recSign = s;
    if (mark) el.classList.add("fresh");
    if (old) {
      if (old === at) at = at.nextElementSibling;
      const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
      old.replaceWith(el);
      if (focused) el.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      if (el.nextElementSibling !== at) parent.insertBefore(el, at);
    } else {
      parent.insertBefore(el, at);
    }
  }
  for (const el of had.values()) el.remove();
}

// debounce runs fn once the calls have paused for ms, and at the latest after five times that.
export function debounce(fn, ms) {
  let timer = 0, since = 0;
  return (...args) => {
    const now = Date.now();
    since ||= now;
    clearTimeout(timer);
    timer = setTimeout(() => { since = 0; fn(...args); }, Math.max(0, Math.min(ms, since + 5 * ms - now)));
  };
}
