/** The conversation: rows kept in step with the timeline, and a scroll position that only its reader moves. */

import { sharedNames } from "../domain/names.js";
import { t } from "../lib/catalogue.js";
import { isolate } from "../lib/i18n.js";
import { oncePerFrame } from "../lib/frame.js";
import { drawRow, makeRow } from "./rows.js";

const NEAR_END_PX = 100;
const LOAD_AHEAD_SCREENS = 1.5;
// Fifty messages a second are read no better in sixty drawings than in ten, but typing stays quick.
const REST_MS = 100;

/** `actions`: loadOlder, loadNewer, toEnd, retryHistory, seen(endInSight), retry and remove(client_id). */
export function mountMessageList({ store, actions }) {
  const log = document.getElementById("log");
  const list = document.getElementById("messages");
  const edge = document.getElementById("log-edge");
  const empty = document.getElementById("empty");
  const toEnd = document.getElementById("to-end");
  const nodes = new Map();
  let stuck = true; // the end stays in sight, whatever grows
  let size = "";
  let edgeDrawn = null;
  let sharedOf = null;
  let shared = new Set();

  const distanceToEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight;
  const sizeNow = () => `${log.clientHeight} ${log.scrollHeight}`;
  const draw = oncePerFrame(() => {
    const kept = stuck ? null : anchor();
    drawRows();
    drawEdge();
    if (stuck) pin();
    else if (kept) log.scrollTop += kept.text.getBoundingClientRect().top - kept.top;
    afterMove();
  }, REST_MS);

  store.watch(["changes", "users", "history", "room"], draw);
  log.addEventListener("scroll", () => {
    // A scroll that comes with another size was not the reader's: the composer grew, the keyboard opened.
    if (stuck && sizeNow() !== size) pin();
    else stuck = distanceToEnd() < NEAR_END_PX;
    afterMove();
  }, { passive: true });
  document.addEventListener("visibilitychange", afterMove);
  new ResizeObserver(() => stuck && pin()).observe(log);
  list.addEventListener("click", (event) => {
    const { clientId } = event.target.closest(".message")?.dataset ?? {};
    if (event.target.closest("[data-retry]")) actions.retry(clientId);
    if (event.target.closest("[data-delete]")) actions.remove(clientId);
  });
  toEnd.addEventListener("click", scrollToEnd);
  edge.addEventListener("click", (event) => {
    if (event.target.closest("button")) actions.retryHistory();
  });

  function pin() {
    log.scrollTop = log.scrollHeight;
    size = sizeNow();
  }

  /** The first message in sight and where it stands; its text, since its head may come or go. */
  function anchor() {
    const top = log.getBoundingClientRect().top;
    for (const node of list.children) {
      const text = node.querySelector(".message-text");
      if (!text || text.getBoundingClientRect().bottom <= top) continue;
      return { text, top: text.getBoundingClientRect().top };
    }
    return null;
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
    stuck = true;
    draw.soon();
    await actions.toEnd();
    stuck = true;
    draw.soon();
  }

  return { scrollToEnd, focus: () => log.focus() };
}
