/** Sentences, plural forms, dates, names and figures. */

import { avatarColour, initials } from "../../static/js/domain/initials.js";
import { clockFigure, secondsLeft, untilNextChange } from "../../static/js/domain/countdown.js";
import { foldName, sharedNames, sortPeople } from "../../static/js/domain/names.js";
import { createDates } from "../../static/js/lib/dates.js";
import { createTranslator, regionalLocale } from "../../static/js/lib/i18n.js";
import { TypingSignal, typingSentence } from "../../static/js/domain/typing.js";
import { reconnectDelay } from "../../static/js/domain/backoff.js";
import { holds, same } from "./expect.js";

const t = createTranslator(
  { hi: "Hi {name}!", n: { one: "{n} message", other: "{n} messages" }, "time.today": "Today", "time.yesterday": "Yesterday" },
  "en",
);
const person = (username, display_name) => ({ username, display_name });

export default {
  "parameters enter a sentence": () => same(t("hi", { name: "Bob" }), "Hi Bob!"),
  "what looks like a parameter inside a name stays text": () => same(t("hi", { name: "{n}" }), "Hi {n}!"),
  "plural forms follow n, numbers their language": () =>
    same([t("n", { n: 1 }), t("n", { n: 0 }), t("n", { n: 1200 })], ["1 message", "0 messages", "1,200 messages"]),
  "an unknown key shows itself": () => same(t("no.such"), "no.such"),
  "parts keep names apart": () => same(t.parts("hi", { name: "Bob" }), ["Hi ", "Bob", "!"]),
  "the region comes from the reader": () => {
    same(regionalLocale("en", ["de-DE", "en-GB"]), "en-GB");
    same(regionalLocale("fa", ["en-GB"]), "fa");
    same(regionalLocale("e", ["en"]), "e");
  },
  "days are told as people tell them": () => {
    const dates = createDates("en-GB", t);
    const now = new Date(2026, 10, 22, 0, 30).getTime();
    same(dates.day(new Date(2026, 10, 22, 0, 5), now), "Today");
    same(dates.day(new Date(2026, 10, 21, 23, 59), now), "Yesterday");
    holds(dates.day(new Date(2026, 10, 2), now).includes("2 November"));
    holds(dates.day(new Date(2025, 10, 2), now).includes("2025"));
  },
  "yesterday is right where the clock was changed": () => {
    const dates = createDates("en-GB", t);
    same(dates.day(new Date(2026, 9, 24, 12), new Date(2026, 9, 25, 23, 30).getTime()), "Yesterday");
  },
  "initials of every script": () => {
    same(initials("Alice Moreau"), "AM");
    same(initials("bob"), "B");
    same(initials("Anna Maria Weber"), "AW");
    same(initials("سارا احمدی"), "س\u200cا");
    same(initials("田中 太郎"), "田");
    same(initials("👩‍🚀 Zed"), "👩‍🚀Z");
    same(initials("..."), "?");
    same(initials("_x_"), "X");
  },
  "a colour belongs to a name and all twelve occur": () => {
    same(avatarColour("alice"), avatarColour("alice"));
    const colours = new Set(Array.from({ length: 200 }, (_, n) => avatarColour(`user${n}`)));
    same(colours.size, 12);
    holds([...colours].every((colour) => colour >= 0 && colour < 12));
  },
  "display names that look the same are seen": () => {
    same(sharedNames([person("a", "Bob"), person("b", "ＢＯＢ"), person("c", "Eve")]), ["bob"]);
    same(sharedNames([person("a", "Bob"), person("a", "Bob")]), []);
    same(foldName("B\u200bob  X"), "b ob x");
  },
  "those present come first, then by name": () => {
    const people = [person("z", "Zoe"), person("a", "anna"), person("b", "Ärla"), person("c", "Bo")];
    same(sortPeople(people, new Set(["z"]), "en").map((one) => one.username), ["z", "a", "b", "c"]);
  },
  "a countdown never shows nothing before the end": () => {
    same([secondsLeft(1000, 1), secondsLeft(1000, 999), secondsLeft(1000, 1000), secondsLeft(1000, 5000)], [1, 1, 0, 0]);
    same([untilNextChange(2500, 0), untilNextChange(2000, 0), untilNextChange(0, 5)], [500, 1000, 0]);
    same([clockFigure(5), clockFigure(65), clockFigure(3605)], ["0:05", "1:05", "1:00:05"]);
  },
  "typing is said at most every two seconds, and unsaid once": () => {
    const signal = new TypingSignal();
    same([0, 100, 1999, 2000, 2500].map((now) => signal.pressed(now)), [true, false, false, true, false]);
    same([signal.stopped(), signal.stopped(), signal.pressed(2600)], [true, false, true]);
  },
  "one sentence for any number of people": () => {
    same(typingSentence([]), null);
    same([1, 2, 3, 4, 9].map((n) => typingSentence(Array(n).fill("x")).key.split("_")[1]), ["one", "two", "three", "many", "many"]);
  },
  "reconnecting doubles from half a second to ten": () => {
    same([0, 1, 2, 5, 50].map((attempt) => reconnectDelay(attempt, 1)), [500, 1000, 2000, 10000, 10000]);
    holds(reconnectDelay(5, 0) === 5000 && reconnectDelay(0, 0) === 250);
  },
};
