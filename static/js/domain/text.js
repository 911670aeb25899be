/** Message text as the server will count and keep it, and how it looks when it is only emoji. */

const EMOJI_SHOWN_LARGE_MAX = 6;
const LINES_MAX = 200;
const CONTROLS = /(?!\n)\p{Cc}/gu;
const EMOJI_UNIT =
  "(?:\\p{Regional_Indicator}{2}|[#*0-9]\\ufe0f?\\u20e3|" +
  "(?:\\p{Emoji_Presentation}|\\p{Extended_Pictographic})\\ufe0f?\\p{Emoji_Modifier}?" +
  "(?:\\u200d(?:\\p{Emoji_Presentation}|\\p{Extended_Pictographic})\\ufe0f?\\p{Emoji_Modifier}?)*" +
  "[\\u{e0020}-\\u{e007f}]*)";
const ONLY_EMOJI = new RegExp(`^\\s*(?:${EMOJI_UNIT}\\s*){1,${EMOJI_SHOWN_LARGE_MAX}}$`, "u");

/** The text in the form it travels in: NFC, LF line ends, no other control characters. */
export function asSent(text) {
  return text.replace(/\r\n?/g, "\n").replace(CONTROLS, "").normalize("NFC");
}

/** Its length as the limit counts it, in code points. */
export function lengthInCodePoints(text) {
  let length = 0;
  for (const sign of asSent(text)) length += sign ? 1 : 0;
  return length;
}

/** True for one to six emoji and nothing else but space. */
export function isOnlyEmoji(text) {
  return text.length <= 100 && ONLY_EMOJI.test(text);
}

/**
 * Lines, each a paragraph with a direction of its own; a text of thousands of lines ends in one block.
 * Empty lines at the end are kept in the message, as typed, but not shown.
 */
export function paragraphs(text) {
  const lines = text.trimEnd().split("\n");
  if (lines.length <= LINES_MAX) return lines;
  return [...lines.slice(0, LINES_MAX - 1), lines.slice(LINES_MAX - 1).join("\n")];
}
