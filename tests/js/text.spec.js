/** How a text is counted, cut into paragraphs, and seen to be emoji alone. */

import { asSent, isOnlyEmoji, lengthInCodePoints, paragraphs } from "../../static/js/domain/text.js";
import { holds, same } from "./expect.js";

export default {
  "line ends become LF and other controls go": () => same(asSent("a\r\nb\rc\u0007\u0000\td"), "a\nb\ncd"),
  "it travels in NFC": () => same(asSent("e\u0301"), "\u00e9"),
  "nothing is trimmed, joiners stay": () => same(asSent("  می\u200cخواهم "), "  می\u200cخواهم "),
  "an emoji beyond the first plane counts once": () => same(lengthInCodePoints("😀a"), 2),
  "length counts what is sent": () => same(lengthInCodePoints("e\u0301\r\n"), 2),
  "emoji alone are seen": () => {
    for (const text of ["😂", "👍🏽", "🎉🚀", "👨‍👩‍👧‍👦", "🇫🇷", "❤️", "1️⃣", " 😀 \n", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]) {
      holds(isOnlyEmoji(text), text);
    }
  },
  "text is not": () => {
    for (const text of ["", " ", "1", "#", "a😀", "😀.", "😀".repeat(7)]) holds(!isOnlyEmoji(text), text);
  },
  "each line is a paragraph, empty ones at the end are none": () => same(paragraphs("a\n\nb\n\n"), ["a", "", "b"]),
  "thousands of lines are few paragraphs that lose nothing": () => {
    const text = "x\n".repeat(2000);
    holds(paragraphs(text).length <= 200);
    same(paragraphs(text).join("\n"), text.trimEnd());
  },
};
