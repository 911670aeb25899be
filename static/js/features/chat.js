/** Writing: what is sent from here enters the outbox, shows at once, and becomes real when the server says so. */

import { memoryStorage, Outbox } from "../domain/outbox.js";
import { asSent } from "../domain/text.js";
import { newClientId } from "../lib/ids.js";

export function startChat({ connection, store, history }) {
  const outbox = new Outbox({
    send,
    seen: () => history.seq(),
    clock: () => Date.now(),
    later: (run, ms) => setTimeout(run, ms),
    cancel: (timer) => clearTimeout(timer),
    storage: memoryStorage(),
    changed,
    refused,
  });

  connection.on("session:ready", ({ limits }) => {
    outbox.setLimit(limits.spam);
    outbox.setOnline(true);
  });

  async function send(payload) {
    const { id, at } = await connection.request("message:post", payload);
    const { room, text, client_id } = payload;
    history.insert({ room, id, seq: id, author: store.state.me.username, text, at, client_id });
  }

  function refused(error) {
    if (error.code === "too_fast") slowDown(error.retry_after);
  }

  function slowDown(seconds = 0) {
    store.set({ slowUntil: Math.max(store.state.slowUntil, Date.now() + seconds * 1000) });
  }

  function changed() {
    const author = store.state.me.username;
    history.timeline.setPending(outbox.entries.map((entry) => ({ ...entry, author })));
    store.set({ waiting: outbox.waiting });
    history.changed();
    // Only while there is something to lose: a page with this listener is not kept for going back.
    if (outbox.waiting) addEventListener("beforeunload", askBeforeLeaving);
    else removeEventListener("beforeunload", askBeforeLeaving);
  }

  /** What waits lives as long as the page. After the end of the session it could not be sent anyway. */
  function askBeforeLeaving(event) {
    if (!store.state.ended) event.preventDefault();
  }

  /** Send `text` to the open room; it is kept before anything is waited for, so order and text are safe. */
  function post(text) {
    const at = new Date(Date.now() + (store.state.skew_ms ?? 0)).toISOString();
    outbox.add({ client_id: newClientId(), room: store.state.room, text: asSent(text), at });
    history.toEnd();
  }

  return {
    post,
    slowDown,
    retry: (client_id) => outbox.retry(client_id),
    remove: (client_id) => outbox.remove(client_id),
    confirm: (client_id) => outbox.confirm(client_id),
    lost: () => outbox.setOnline(false),
  };
}
