// Line icons on a grid of 16, drawn for this console.

const paths = {
  people: "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.500-4s4.500 1.500 4.500 4M10.500 2.800a2.400 2.400 0 0 1 0 4.500M12 9.800c1.500.6 2.500 1.900 2.500 3.700",
  pair: "M5.500 4.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7ZM10.500 4.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7",
  plug: "M5.500 1.500v3.500M10.500 1.500v3.500M3.500 5h9v2.500a4.500 4.500 0 0 1-9 0ZM8 12v2.500",
  send: "M14 2 7.200 8.800M14 2 9.700 14 7.200 8.800 2 6.300Z",
  pencil: "M10.500 3 13 5.500 5.500 13H3v-2.500ZM9 4.500 11.500 7",
  inbox: "M2 9.500 4 3h8l2 6.500V13H2ZM2 9.500h3.500l1 2h3l1-2H14",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.700 10.700 14 14",
  right: "M6 3.500 10.500 8 6 12.500",
  company: "M3 14V2.500h6.500V14M9.500 6.500H13V14M1.500 14h13M5.200 5.500h2M5.200 8.500h2M5.200 11.500h2",
  contact: "M8 7.500a2.700 2.700 0 1 0 0-5.400 2.700 2.700 0 0 0 0 5.400ZM3 14c0-2.700 2.200-4.300 5-4.300s5 1.600 5 4.300",
  deal: "M2 5.500h12v8H2ZM5.500 5.500v-2h5v2M2 9h12M8 8.300v1.700",
  quote: "M4 1.800h5.500L12.500 5v9.200H4ZM9.200 1.800V5.200h3.300M6 8h4.500M6 10.800h3",
  invoice: "M3.500 1.800h9v12.400l-1.800-1.200-1.400 1.200L8 13l-1.300 1.200L5.300 13l-1.800 1.200ZM6 5.200h4M6 8h4",
  subscription: "M13 6.500A5.300 5.300 0 0 0 3.600 5M3 9.500a5.300 5.300 0 0 0 9.400 1.500M3.500 2v3h3M12.500 14v-3h-3",
  ticket: "M2 4h12v2.700a1.300 1.300 0 0 0 0 2.600V12H2V9.300a1.300 1.300 0 0 0 0-2.600ZM9.500 4v8",
  usage: "M1.500 8.500h3l2-5.500 3.200 10 2-4.500h2.800",
  survey: "M8 2.200l1.800 3.700 4 .6-2.900 2.800.7 4L8 11.400l-3.600 1.900.7-4-2.900-2.800 4-.6Z",
  activity: "M2 3h12v8H8l-3 2.700V11H2ZM5 6h6M5 8.300h4",
  email: "M2 3.500h12v9H2ZM2 4.500 8 9l6-4.500",
  call: "M4 2h2l1 3.200-1.500 1.200a8 8 0 0 0 4.100 4.100L10.800 9 14 10v2c0 1.100-.9 2-2 2C6.500 13.600 2.400 9.500 2 4c0-1.100.9-2 2-2Z",
  meeting: "M2.500 3.500h11v10h-11ZM2.500 6.500h11M5.500 1.800v3M10.500 1.800v3",
  stage: "M3 14.200V2M3 2.800h9.500L10.200 6l2.300 3.200H3",
  score: "M2 11.500a6 6 0 1 1 12 0M8 11.500l2.700-3.700M2 13.500h12",
  other: "M8 9.300a1.300 1.300 0 1 0 0-2.600 1.300 1.300 0 0 0 0 2.600Z",
};

export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", paths[name] ?? paths.other);
  for (const [k, v] of [["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "1.4"], ["stroke-linecap", "round"], ["stroke-linejoin", "round"]]) path.setAttribute(k, v);
  svg.append(path);
  const span = document.createElement("span");
  span.className = "icon";
  span.append(svg);
  return span;
}

const families = {
  company: "company", contact: "contact", owner: "contact", identity: "contact", deal: "deal", quote: "quote", invoice: "invoice", credit: "invoice",
  subscription: "subscription", ticket: "ticket", usage: "usage", survey: "survey", stage: "stage", score: "score", person: "contact", milestone: "stage",
};
const touches = { email: "email", call: "call", meeting: "meeting" };

// iconOf picks the icon and the color of an event.
export function iconOf(event) {
  const [family, verb] = event.type.split(".");
  const name = family === "touch" ? touches[verb] ?? "activity" : families[family] ?? "other";
  const good = ["won", "paid", "solved", "renewed", "accepted", "resumed", "started", "cancel_revoked"];
  const bad = ["lost", "overdue", "failed", "ended", "past_due", "uncollectible", "escalated", "cancel_scheduled", "rejected", "reopened"];
  let color = "";
  if (family === "stage" || family === "score") color = "blue";
  else if (family !== "ticket" && good.includes(verb) || verb === "solved") color = "green";
  else if (bad.includes(verb) && event.type !== "deal.reopened") color = "red";
  return { name, color };
}
