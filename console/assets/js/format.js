// How values read. Times show in the reader's own zone, with UTC on hovering.

const number = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const dayLong = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const dayShort = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const count = (n) => number.format(n ?? 0);
export const short = (n) => (Math.abs(n ?? 0) < 100000 ? number.format(n ?? 0) : compact.format(n));
export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;
export const decimal = (n, digits = 1) => Number(n).toFixed(digits);

// The decimals of minor units by ISO 4217; browsers follow common usage instead, which differs.
const none = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ");
const three = "BHD IQD JOD KWD LYD OMR TND".split(" ");
export function exponent(currency) {
  if (none.includes(currency)) return 0;
  if (three.includes(currency)) return 3;
  return currency === "CLF" || currency === "UYW" ? 4 : 2;
}

export function money(m) {
  if (!m) return "";
  const digits = exponent(m.currency);
  const round = m.minor % 10 ** digits === 0;
  const shown = { minimumFractionDigits: round ? 0 : digits, maximumFractionDigits: digits };
  const amount = m.minor / 10 ** digits;
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency: m.currency, currencyDisplay: "narrowSymbol", ...shown }).format(amount);
  } catch {
    return new Intl.NumberFormat("en", shown).format(amount) + " " + m.currency;
  }
}

const steps = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];

export function ago(iso, now = Date.now()) {
  const seconds = (Date.parse(iso) - now) / 1000;
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 5 ? "in a moment" : "just now";
}

export const date = (iso) => dayShort.format(new Date(iso));
export const time = (iso) => clock.format(new Date(iso));
export const exact = (iso) => `${full.format(new Date(iso))} (${new Date(iso).toISOString().replace(".000Z", "Z")})`;

// day names the day of a time for a heading; equal days give equal names.
export function day(iso, now = new Date()) {
  const name = dayLong.format(new Date(iso));
  if (name === dayLong.format(now)) return "Today";
  if (name === dayLong.format(new Date(now.getTime() - 86400000))) return "Yesterday";
  return name;
}

export function duration(nanoseconds) {
  const ms = nanoseconds / 1e6;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

// words turns keys such as lifecycle_stage into something to read.
export function words(key) {
  const text = String(key).replaceAll("_", " ").replaceAll(".", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// plain shows the raw value of a measure with its unit.
export function measured(value, unit) {
  const n = new Intl.NumberFormat("en", { maximumFractionDigits: 2 }).format(value);
  if (unit === "%" || unit === "percent") return n + " %";
  return unit ? `${n} ${unit}` : n;
}
