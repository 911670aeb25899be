/** A catalogue sentence as nodes: every parameter in a <bdi>, so that no name reorders the words around it. */

import { t } from "../lib/catalogue.js";

/** Fill `element` with the sentence of `key`; parameters stand in it as isolated text. */
export function putSentence(element, key, params = {}) {
  const names = new Set(Object.values(params).filter((value) => typeof value === "string"));
  const pieces = t.parts(key, params).map((piece) => (names.has(piece) ? isolated(piece) : piece));
  element.replaceChildren(...pieces);
}

function isolated(text) {
  const bdi = document.createElement("bdi");
  bdi.textContent = text;
  return bdi;
}
