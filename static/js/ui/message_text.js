/** Message text as nodes: a paragraph for each line, links that lead nowhere but where they say. */

import { linkify } from "../domain/linkify.js";
import { isOnlyEmoji, paragraphs } from "../domain/text.js";

/** Fill `element` with `text`; nothing in it can become markup. */
export function putText(element, text) {
  element.classList.toggle("message-emoji", isOnlyEmoji(text));
  element.replaceChildren(...paragraphs(text).map(paragraph));
}

function paragraph(line) {
  const p = document.createElement("p");
  p.dir = "auto";
  p.append(...(line ? linkify(line).map(node) : [document.createElement("br")]));
  return p;
}

function node(token) {
  if (token.type === "text") return token.text;
  const link = document.createElement("a");
  link.href = token.href;
  link.rel = "noopener nofollow";
  link.target = "_blank";
  link.textContent = token.text;
  return link;
}
