/** The status line: one sentence when there is something to say about sending, and nothing otherwise. */

import { clockFigure } from "../domain/countdown.js";
import { t } from "../lib/catalogue.js";
import { countDown } from "../lib/ticker.js";

// A connection that is made at once needs no words, nor does a message that leaves at once.
const PATIENCE_MS = 800;

export function mountStatusLine({ store, announcer }) {
  const line = document.getElementById("status");
  const text = document.getElementById("status-text");
  const action = document.getElementById("status-action");
  let shown = null;
  let showTimer = null;
  let stopCountdown = () => {};

  action.addEventListener("click", () => location.reload());
  store.watch(["connection", "waiting", "slowUntil", "outdated", "ended", "writeBan"], (state) => {
    const { key, params, patient } = sentence(state);
    clearTimeout(showTimer);
    if (patient && line.hidden) showTimer = setTimeout(() => show(key, params), PATIENCE_MS);
    else show(key, params);
  });

  function show(key, params) {
    stopCountdown();
    line.hidden = !key;
    action.hidden = key !== "status.outdated";
    line.dataset.kind = key ?? "";
    if (key === "status.slow_down") tickSlowDown();
    else text.textContent = key ? t(key, params) : "";
    if (key && key !== shown) announcer.say(text.textContent);
    if (!action.hidden) action.textContent = t("status.reload");
    shown = key;
  }

  function tickSlowDown() {
    stopCountdown = countDown(store.state.slowUntil, {
      tick: (seconds) => (text.textContent = t("status.slow_down", { time: clockFigure(seconds) })),
      done: () => store.set({ slowUntil: 0 }),
    });
  }
}

/** What there is to say, the most pressing first; `patient` things are said only if they last. */
function sentence({ connection, waiting, slowUntil, outdated, ended, writeBan }) {
  if (ended) return { key: null };
  if (connection === "connecting") return { key: "status.connecting", patient: true };
  if (connection === "offline" && waiting) return { key: "status.offline_waiting", params: { n: waiting } };
  if (connection === "offline") return { key: "status.offline", patient: true };
  if (slowUntil > Date.now() && !writeBan) return { key: "status.slow_down" };
  if (waiting) return { key: "status.sending", params: { n: waiting }, patient: true };
  if (outdated) return { key: "status.outdated" };
  return { key: null };
}
