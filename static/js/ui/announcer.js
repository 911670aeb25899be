/** What a screen reader is told: others' new messages, one by one when it is calm, a count when it is busy. */

import { t } from "../lib/catalogue.js";
import { isolate } from "../lib/i18n.js";

const GATHER_MS = 1000;
const READ_OUT_MAX = 2;
const TEXT_MAX = 300;

export function createAnnouncer(region) {
  let gathered = [];
  let timer = null;

  function message(name, text) {
    gathered.push(t("chat.said", { name: isolate(name), text: text.slice(0, TEXT_MAX) }));
    timer ??= setTimeout(tell, GATHER_MS);
  }

  function tell() {
    timer = null;
    const busy = gathered.length > READ_OUT_MAX;
    say(busy ? t("chat.new_below", { n: gathered.length }) : gathered.join("\n"));
    gathered = [];
  }

  function say(text) {
    region.textContent = text;
  }

  return { message, say };
}
