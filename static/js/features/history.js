/** The history of the open room: pages on demand, live events in order, and catching up after a gap. */

import { Reading } from "../domain/reading.js";
import { Sequence } from "../domain/sequence.js";
import { Timeline } from "../domain/timeline.js";
import { recall, remember } from "../lib/storage.js";

const RECENT_MAX = 100;
const SAVE_READ_MS = 500;
const RETRY_MS = 2000;
const ROOM_EVENTS = ["message:posted", "message:edited", "message:deleted", "reaction:changed"];

/** `heard(message)` is called for every message that arrives live or by catching up. */
export function startHistory({ connection, store, presence, heard }) {
  const timeline = new Timeline();
  const sequence = new Sequence();
  const reading = new Reading();
  let recent = []; // the newest posted, so that none falls between a page and what came while it loaded
  let loaded = false;
  let busy = false;
  let catching = false;
  let atEnd = true;
  let saveTimer = null;
  store.set({ timeline });

  const room = () => store.state.room;
  const myName = () => store.state.me.username;
  const lastSeq = () => store.state.rooms.find((one) => one.id === room())?.last_seq ?? 0;

  connection.on("session:ready", () => {
    if (!loaded) openLastPage();
    else if (lastSeq() < sequence.applied) startOver();
    else if (lastSeq() > sequence.applied) catchUp();
  });
  for (const event of ROOM_EVENTS) {
    connection.on(event, (data) => {
      if (data.room !== room()) return;
      apply(sequence.offer({ event, data }));
      if (loaded && sequence.hasGap) catchUp();
    });
  }

  const applied = { "message:posted": posted };

  function apply(items) {
    for (const { event, data } of items) if (loaded) applied[event]?.(data);
    if (items.length) changed();
  }

  function posted(message) {
    recent = [...recent.slice(1 - RECENT_MAX), message];
    presence.need([message.author]);
    timeline.post(message, atEnd);
    reading.heard(message, myName());
    heard(message);
  }

  /** The server's history is not the one we knew (a restored backup): begin again with it. */
  function startOver() {
    sequence.forget(lastSeq());
    recent = [];
    openLastPage();
  }

  async function openLastPage() {
    const least = lastSeq();
    const page = await ask({});
    if (!page) return;
    timeline.replace(page.messages, { hasOlder: page.has_more, hasNewer: false });
    const newest = page.messages.at(-1)?.id ?? 0;
    if (!loaded) reading.readId = Number(recall(readKey())) || 0;
    reading.opened(page.messages, myName());
    loaded = true;
    const waiting = sequence.restart(Math.max(sequence.applied, least, newest));
    addRecent(newest);
    store.set({ history: "ready" });
    apply(waiting);
    changed();
  }

  /** One page, or null: `failed` is shown where the reader can ask again. */
  async function ask(bounds) {
    if (busy) return null;
    busy = true;
    try {
      const page = await connection.request("history:page", { room: room(), ...bounds });
      presence.learn(page.users);
      store.set({ history: "ready" });
      return page;
    } catch {
      store.set({ history: "failed" });
      return null;
    } finally {
      busy = false;
    }
  }

  function addRecent(newest) {
    for (const message of recent) if (message.id > newest) timeline.post(message, true);
  }

  async function catchUp() {
    if (catching) return;
    catching = true;
    const before = sequence.applied;
    try {
      const answer = await connection.request("history:since", { room: room(), seq: before });
      presence.learn(answer.users);
      if (answer.reset) await openLastPage();
      else apply(answer.events.flatMap((item) => sequence.offer(item)));
    } catch (error) {
      // When the connection is lost, its return begins this again.
      if (error.code !== "offline") setTimeout(catchUp, (error.retry_after ?? 0) * 1000 || RETRY_MS);
    } finally {
      catching = false;
    }
    if (sequence.hasGap && sequence.applied > before) catchUp();
  }

  async function loadOlder() {
    if (!loaded || !timeline.hasOlder || busy) return;
    const page = await ask({ before: timeline.messages[0].id });
    if (!page) return;
    timeline.addOlder(page.messages, page.has_more);
    changed();
  }

  async function loadNewer() {
    if (!timeline.hasNewer || busy) return;
    const page = await ask({ after: timeline.messages.at(-1).id });
    if (!page) return;
    timeline.addNewer(page.messages, page.has_newer);
    if (!page.has_newer) addRecent(timeline.messages.at(-1).id);
    changed();
  }

  /** Bring the end of the conversation into the timeline; at once, unless the window had to let it go. */
  async function toEnd() {
    if (timeline.hasNewer) await openLastPage();
  }

  /** Ask again for what could not be loaded. */
  function retry() {
    if (loaded) loadOlder();
    else openLastPage();
  }

  /** Whether the reader now sees the end of the conversation. */
  function seen(endInSight) {
    const now = endInSight && !timeline.hasNewer;
    if (now === atEnd) return;
    atEnd = now;
    reading.setAway(!atEnd);
    changed();
  }

  function notice(line) {
    timeline.addNotice(line);
    changed();
  }

  /** Show this as posted, if the event that says so has not come yet. */
  function insert(message) {
    if (message.id > sequence.applied && !timeline.has(message.id)) timeline.post(message, true);
  }

  function readKey() {
    return `read.${myName()}.${room()}`;
  }

  function changed() {
    store.set({
      changes: store.state.changes + 1,
      unread: reading.unread,
      lineAfter: reading.lineAfter,
    });
    saveTimer ??= setTimeout(() => {
      saveTimer = null;
      if (loaded) remember(readKey(), String(reading.readId));
    }, SAVE_READ_MS);
  }

  return {
    timeline, loadOlder, loadNewer, toEnd, retry, seen, notice, insert, changed,
    seq: () => sequence.applied,
  };
}
