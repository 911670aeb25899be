/** Message text cut into what is plain and what is a link; only http and https are ever links. */

// Bidi controls end an address: inside one they could make it read as another.
const ADDRESS = /https?:\/\/[^\s<>"`\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const TRAILING = /[.,;:!?'*_~\u2026\u00bb\u201d\u2019\u060c\u061b\u061f\u06d4\u3001\u3002\uff0c\uff01\uff1f]+$/u;
const BRACKETS = { ")": "(", "]": "[", "}": "{", "\uff09": "\uff08", "\u300d": "\u300c" };

/** Tokens in order: {type: "text", text} and {type: "link", text, href}; their texts joined are `text`. */
export function linkify(text) {
  const tokens = [];
  let plainFrom = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const preceding = text[match.index - 1];
    if (preceding && /[\p{L}\p{N}]/u.test(preceding)) continue;
    const shown = withoutTrailing(match[0]);
    const href = safeHref(shown);
    if (!href) continue;
    addText(tokens, text.slice(plainFrom, match.index));
    tokens.push({ type: "link", text: shown, href });
    plainFrom = match.index + shown.length;
  }
  addText(tokens, text.slice(plainFrom));
  return tokens;
}

function addText(tokens, text) {
  if (text) tokens.push({ type: "text", text });
}

/** Punctuation after an address belongs to the sentence, unless a bracket closes one opened inside. */
function withoutTrailing(address) {
  for (;;) {
    const trimmed = address.replace(TRAILING, "");
    const last = trimmed.at(-1);
    const opening = BRACKETS[last];
    const unbalanced = opening && count(trimmed, last) > count(trimmed, opening);
    const next = unbalanced ? trimmed.slice(0, -1) : trimmed;
    if (next === address) return address;
    address = next;
  }
}

function count(text, sign) {
  return text.split(sign).length - 1;
}

/** The address to follow, or null; one with a user name in it can pass for another site and is no link. */
function safeHref(address) {
  try {
    const url = new URL(address);
    const plain = (url.protocol === "http:" || url.protocol === "https:") && url.hostname;
    return plain && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}
