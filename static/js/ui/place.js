/** A reader's place in a list that scrolls: the first text in sight, and where it stands. */

/** The place as {text, top, width}, or null where there is no text; a row's head may come or go, so it is the text. */
export function findPlace(log, list) {
  const edge = log.getBoundingClientRect().top;
  const isBelow = (element) => element.getBoundingClientRect().bottom > edge;
  for (let n = firstOf(list.children, isBelow); n < list.children.length; n += 1) {
    const text = list.children[n].querySelector(".message-text");
    if (!text || !isBelow(text)) continue;
    return { text, top: text.getBoundingClientRect().top, width: log.clientWidth };
  }
  return null;
}

/** Scroll so that the text stands again where it stood. */
export function returnToPlace(log, { text, top }) {
  log.scrollTop += text.getBoundingClientRect().top - top;
}

/** The number of the first row of which this holds, found by halving: every scroll asks for it. */
function firstOf(rows, holds) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(rows[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
