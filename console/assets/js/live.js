// Following changes. One line per visible page: a hidden page lets go of its line, since a browser holds only
// a few per address, and asks for everything anew when it is seen again.

const listeners = new Set();
let source = null, retry = 0, opened = false;

function show(state, text) {
  const el = document.getElementById("live");
  if (!el) return;
  el.dataset.state = state;
  document.getElementById("live-text").textContent = text;
}

function tell(change) {
  for (const fn of listeners) fn(change);
}

function connect() {
  clearTimeout(retry);
  if (source || document.hidden) return;
  source = new EventSource("/api/v1/stream?backfill=false");
  source.addEventListener("open", () => {
    show("on", "Live");
    // A line that was cut before its first change has no position to go on from.
    if (opened) tell(null);
    opened = true;
  });
  source.addEventListener("change", (e) => tell(JSON.parse(e.data)));
  source.addEventListener("error", () => {
    show("off", "Reconnecting");
    if (source?.readyState !== EventSource.CLOSED) return;
    source = null;
    retry = setTimeout(connect, 5000);
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else {
    connect();
    tell(null);
  }
});

// follow calls fn with each change, and with null where changes may have been missed.
export function follow(fn) {
  listeners.add(fn);
  connect();
}

// every calls fn each ms while the page is seen.
export function every(ms, fn) {
  setInterval(() => document.hidden || fn(), ms);
}
