// Asking the API.

// Problem is an answer that says why there is none.
export class Problem extends Error {
  constructor(p) {
    super(p.detail || "Hub did not answer.");
    this.code = p.code || "";
    this.hint = p.hint || "";
  }
}

// get returns the JSON of a route of /api/v1. Parameters that are empty are left out.
export function get(path, params = {}, signal) {
  const url = new URL("/api/v1" + path, location.origin);
  for (const [k, v] of Object.entries(params)) if (v !== "" && v !== null && v !== undefined) url.searchParams.set(k, v);
  return ask(url, { signal, headers: { Accept: "application/json" } });
}

// post sends JSON to a route of /api/v1. The header says that a page of Hub's own asks, which no other site can.
export function post(path, body) {
  return ask("/api/v1" + path, { method: "POST", headers: { Accept: "application/json", "Content-Type": "application/json", "Hub-Console": "1" }, body: JSON.stringify(body) });
}

// ask returns the JSON of an answer. A session that has ended leads to the form.
async function ask(url, how) {
  let res;
  try {
    res = await fetch(url, how);
  } catch (err) {
    if (err.name === "AbortError") throw err;
    throw new Problem({ code: "net.unreachable", detail: "Hub cannot be reached.", hint: "Check that hub run is still running; the page tries again by itself." });
  }
  if (res.status === 401) {
    location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    return new Promise(() => {});
  }
  const body = await res.json().catch((err) => {
    if (err.name === "AbortError") throw err;
    throw new Problem({ code: "net.garbled", detail: `Hub answered with status ${res.status} and nothing that can be read.`, hint: "Something between the browser and Hub may have answered in its place." });
  });
  if (!res.ok) throw new Problem(body);
  return body;
}

// latest wraps a loading function so that a newer call ends the older one: answers never arrive out of order.
export function latest(load) {
  let running = null;
  return async (...args) => {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      return await load(mine.signal, ...args);
    } catch (err) {
      if (err.name === "AbortError") return undefined;
      throw err;
    }
  };
}
