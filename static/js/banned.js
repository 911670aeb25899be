/** The banned page: counts down to the end of the ban, then says that it is over. */

import { clockFigure, secondsLeft, untilNextChange } from "./domain/countdown.js";
import { locale, t } from "./lib/catalogue.js";

const DAY_S = 86_400;

const time = document.querySelector("[data-until]");
const left = document.querySelector("[data-left]");
const ended = document.querySelector("[data-ended]");
const until = Date.parse(time.dateTime);

time.textContent = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" }).format(until);
tick();

function tick() {
  const seconds = secondsLeft(until, Date.now());
  ended.hidden = seconds > 0;
  left.hidden = seconds === 0;
  left.textContent = t("banned.left", { time: timeLeft(seconds) });
  if (seconds > 0) setTimeout(tick, untilNextChange(until, Date.now()));
}

/** Days are words ("12 days"); the last day is a clock. */
function timeLeft(seconds) {
  if (seconds < DAY_S) return clockFigure(seconds);
  const days = Math.floor(seconds / DAY_S);
  return new Intl.NumberFormat(locale, { style: "unit", unit: "day", unitDisplay: "long" }).format(days);
}
