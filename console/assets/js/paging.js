// Turning pages of a list whose pages are named by tokens: the tokens seen so far lead back.

import { byId } from "./dom.js";
import { count } from "./format.js";

export function paging(size, load) {
  let tokens = [""], next = "";
  const prevButton = byId("prev"), nextButton = byId("next");
  const go = (list) => {
    tokens = list;
    load({ mark: false, turned: true });
  };
  prevButton.addEventListener("click", () => go(tokens.slice(0, -1)));
  nextButton.addEventListener("click", () => go([...tokens, next]));
  return {
    after: () => tokens.at(-1),
    first: () => tokens.length === 1,
    reset: () => { tokens = [""]; },
    // show tells where the reader is; total may be undefined where the API does not count.
    show(shown, token, total) {
      next = token ?? "";
      prevButton.disabled = tokens.length === 1;
      nextButton.disabled = !next;
      const from = (tokens.length - 1) * size + 1;
      byId("range").textContent = shown ? `${count(from)}–${count(from + shown - 1)}${total === undefined ? "" : " of " + count(total)}` : "";
    },
  };
}
