/** The panel that takes the page's place when the session is over: why, for how long, and where to go. */

import { clockFigure } from "../domain/countdown.js";
import { t } from "../lib/catalogue.js";
import { countDown } from "../lib/ticker.js";

export function mountEnded({ store }) {
  const panel = document.getElementById("ended");
  const left = document.getElementById("ended-left");
  const link = document.getElementById("ended-link");

  // Cancelling `cancel` is not enough: Chromium heeds that only once in a while.
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.preventDefault();
  });
  // A phone's gesture for going back presses no key.
  panel.addEventListener("close", () => panel.showModal());
  link.addEventListener("click", (event) => {
    if (link.hash !== "#here") return;
    event.preventDefault();
    location.reload();
  });

  store.watch(["ended"], ({ ended }) => {
    if (!ended || panel.open) return;
    const { reason, params = {}, message = "", until } = ended;
    const key = `ended.${reason}`;
    document.getElementById("ended-text").textContent = t.has(key) ? t(key, params) : message;
    if (reason === "replaced") offerReturn();
    if (until) showTimeLeft(until);
    document.querySelector("dialog[open]")?.close();
    panel.showModal();
  });

  /** Another of the person's own tabs took this one's place: it may be taken back. */
  function offerReturn() {
    link.textContent = t("chat.to_reload");
    link.href = "#here";
  }

  function showTimeLeft(until) {
    left.hidden = false;
    countDown(until, {
      tick: (seconds) => (left.textContent = t("chat.ended_left", { time: clockFigure(seconds) })),
      done: () => (left.hidden = true),
    });
  }
}
