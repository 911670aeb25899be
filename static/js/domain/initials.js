/** An avatar for those without a picture: initials, and a colour that belongs to the username. */

const COLOURS = 12;
const JOINING_SCRIPT = /\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Mongolian}/u;
const WHOLE_WORD_SCRIPT = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u;
const LETTER = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;
const ZWNJ = "\u200c";
const graphemes = Intl.Segmenter && new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** One or two initials of a display name; "?" for a name without letters, digits or emoji. */
export function initials(name) {
  const words = name.split(/[\s_.\-\u200c]+/u).filter((word) => LETTER.test(word));
  if (!words.length) return "?";
  const first = firstSign(words[0]);
  if (words.length === 1 || WHOLE_WORD_SCRIPT.test(first)) return first;
  const last = firstSign(words.at(-1));
  // Two Arabic letters side by side would join into one shape and no longer read as initials.
  return JOINING_SCRIPT.test(first) ? first + ZWNJ + last : first + last;
}

/** The number of the avatar colour for a username: 0 to 11, the same everywhere (FNV-1a, 32 bits). */
export function avatarColour(username) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(username)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash % COLOURS;
}

function firstSign(word) {
  const start = [...word].findIndex((sign) => LETTER.test(sign));
  const rest = [...word].slice(start).join("");
  const sign = graphemes ? graphemes.segment(rest).containing(0).segment : [...rest][0];
  return sign.toLocaleUpperCase();
}
