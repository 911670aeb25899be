/** The conversation: rows kept in step with the timeline, and a scroll position that only its reader moves. */

import { sharedNames } from "../domain/names.js";
import { t } from "../lib/catalogue.js";
import { isolate } from "../lib/i18n.js";
import { oncePerFrame } from "../lib/frame.js";
import { findPlace, returnToPlace } from "./place.js";
import { drawRow, makeRow } from "./rows.js";

const NEAR_END_PX = 100;
const LOAD_AHEAD_SCREENS = 1.5;
// Fifty messages a second are read no better in sixty drawings than in ten, but typing stays quick.
const REST_MS = 100;

/**
 * `actions`: loadOlder, loadNewer, toEnd, retryHistory, seen(endInSight), retry and remove(client_id),
 * write() to give the composer the focus.
 */
export function mountMessageList({ store, actions }) {
  const log = document.getElementById("log");
  const list = document.getElementById("messages");
  const edge = document.getElementById("log-edge");
  const empty = document.getElementById("empty");
  const toEnd = document.getElementById("to-end");
  const nodes = new Map();
  let stuck = true; // the end stays in sight, whatever grows
  let place = null; // where the reader is while it does not; see findPlace()
  let size = "";
  let edgeDrawn = null;
  let sharedOf = null;
  let shared = new Set();

  const distanceToEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight;
  const sizeNow = () => `${log.clientHeight} ${log.scrollHeight}`;
  const draw = oncePerFrame(() => {
    holdThroughResize();
    const kept = stuck ? null : findPlace(log, list);
    drawRows();
    drawEdge();
    if (stuck) pin();
    else if (kept) returnToPlace(log, kept);
    afterMove();
  }, REST_MS);

  store.watch(["changes", "users", "history", "room"], draw);
  log.addEventListener("scroll", () => {
    holdThroughResize();
    // A scroll that comes with another size was not the reader's: the composer grew, the keyboard opened.
    if (stuck && sizeNow() !== size) pin();
    else stuck = distanceToEnd() < NEAR_END_PX;
    afterMove();
  }, { passive: true });
  document.addEventListener("visibilitychange", afterMove);
  new ResizeObserver(() => (stuck ? pin() : holdThroughResize())).observe(log);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-retry], [data-delete]");
    if (!button) return;
    const row = button.closest(".message");
    if (byKeyboard(event)) leaveFailed(row);
    if ("retry" in button.dataset) actions.retry(row.dataset.clientId);
    else actions.remove(row.dataset.clientId);
  });
  toEnd.addEventListener("click", (event) => {
    if (byKeyboard(event)) actions.write();
    scrollToEnd();
  });
  edge.addEventListener("click", (event) => {
    if (!event.target.closest("button")) return;
    if (byKeyboard(event)) log.focus();
    actions.retryHistory();
  });

  /** The button is about to go: the focus moves to the next message that was not sent, or to writing. */
  function leaveFailed(row) {
    const failed = [...list.querySelectorAll(".message[data-state=failed]")];
    const next = failed[failed.indexOf(row) + 1] ?? failed.find((other) => other !== row);
    if (next) next.querySelector("button").focus();
    else actions.write();
  }

  function pin() {
    log.scrollTop = log.scrollHeight;
    size = sizeNow();
  }

  /** At another width (a phone is turned, the people fold away) every line breaks elsewhere. */
  function holdThroughResize() {
    if (stuck || !place?.text.isConnected || place.width === log.clientWidth) return;
    returnToPlace(log, place);
    place.width = log.clientWidth;
  }

  function drawRows() {
    const { timeline, users, lineAfter } = store.state;
    const rows = timeline.rows(lineAfter);
    if (users !== sharedOf) shared = sharedNames(users.values());
    sharedOf = users;
    const context = { users, shared, today: Date.now() };
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, node] of nodes) {
      if (keys.has(key)) continue;
      node.remove();
      nodes.delete(key);
    }
    let place = list.firstElementChild;
    for (const row of rows) {
      const node = nodes.get(row.key) ?? makeRow(row);
      nodes.set(row.key, node);
      drawRow(node, row, context);
      if (node === place) place = place.nextElementSibling;
      else list.insertBefore(node, place);
    }
  }

  function drawEdge() {
    const { timeline, history, rooms, room } = store.state;
    const name = rooms.find((one) => one.id === room)?.name ?? "";
    const drawn = `${history} ${timeline.hasOlder} ${timeline.isEmpty} ${name}`;
    if (drawn === edgeDrawn) return;
    edgeDrawn = drawn;
    log.setAttribute("aria-busy", String(history === "loading"));
    empty.hidden = !(history === "ready" && timeline.isEmpty);
    if (history === "failed") {
      edge.replaceChildren(t(timeline.isEmpty ? "chat.page_failed" : "chat.older_failed"), " ", retryButton());
    } else if (history === "loading" || timeline.hasOlder) edge.textContent = t("chat.loading");
    else edge.textContent = timeline.isEmpty ? "" : t("chat.beginning", { room: isolate(name) });
  }

  function retryButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small";
    button.textContent = t("chat.try_again");
    return button;
  }

  /** After drawing or scrolling: fetch what will be needed, and say whether the end is in sight. */
  function afterMove() {
    const { timeline, unread, history } = store.state;
    place = stuck ? null : findPlace(log, list);
    const ahead = log.clientHeight * LOAD_AHEAD_SCREENS;
    if (history === "ready" && timeline.hasOlder && log.scrollTop < ahead) actions.loadOlder();
    if (history === "ready" && timeline.hasNewer && distanceToEnd() < ahead) actions.loadNewer();
    actions.seen(stuck && !document.hidden);
    const behind = !timeline.hasNewer && stuck;
    toEnd.hidden = behind || timeline.isEmpty;
    toEnd.classList.toggle("to-end-new", unread > 0);
    document.getElementById("to-end-text").textContent =
      unread > 0 ? t("chat.new_below", { n: unread }) : t("chat.to_end");
  }

  async function scrollToEnd() {
    stayAtEnd();
    await actions.toEnd();
    stayAtEnd();
  }

  /** At once and not with the next frame: a scroll still under way would be heard before it. */
  function stayAtEnd() {
    stuck = true;
    pin();
    draw.soon();
  }

  return { scrollToEnd, focus: () => log.focus() };
}

/** Whether a key pressed this button: a finger or a mouse keeps its own place, and no focus is moved for it. */
function byKeyboard(event) {
  return event.detail === 0;
}
