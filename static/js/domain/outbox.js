/** The outbox: own messages leave in the order written, once each, and what fails stays with its reason. */

import { Pacing } from "./pacing.js";

const UNANSWERED_MAX = 3;
const RETRY_MS = 2000;

/**
 * Entries are {client_id, room, text, at, state, error?}; `state` is waiting, sending or failed.
 *
 * The world outside is handed in: `send(payload)` resolves when the server took the message and rejects
 * with {code, …}, `offline` when no answer came; `seen(room)` is the room's seq; `clock()` gives
 * milliseconds; `later(run, ms)` and `cancel(timer)` are timers; `storage` keeps entries (all, put,
 * remove); `changed()` is called after every change, `refused(error)` after every refusal.
 *
 * What is written while connected leaves at once, and the server judges its speed. What had to wait is
 * paced by the limit instead: a dozen messages from a tunnel are nobody's spam.
 */
export class Outbox {
  #world;
  #pacing = new Pacing();
  #entries = [];
  #online = false;
  #sending = false;
  #timer = null;

  constructor(world) {
    this.#world = world;
  }

  get entries() {
    return this.#entries;
  }

  get waiting() {
    return this.#entries.filter((entry) => entry.state !== "failed").length;
  }

  /** Take up what an earlier page left behind. */
  async restore() {
    const kept = await this.#world.storage.all();
    const known = new Set(this.#entries.map((entry) => entry.client_id));
    const returning = kept.filter((entry) => !known.has(entry.client_id));
    for (const entry of returning) {
      entry.paced = true;
      if (entry.state === "sending") entry.state = "waiting";
    }
    this.#entries = [...returning, ...this.#entries];
    this.#changed();
  }

  setLimit(limit) {
    this.#pacing.setLimit(limit);
  }

  setOnline(online) {
    this.#online = online;
    if (online) for (const entry of this.#queue()) entry.paced = true;
    else this.#stopTimer();
    this.#pump();
  }

  add({ client_id, room, text, at }) {
    const entry = { client_id, room, text, at, state: "waiting", attempts: 0, unanswered: 0 };
    entry.paced = !this.#online;
    this.#entries = [...this.#entries, entry];
    this.#keep(entry);
    this.#changed();
  }

  /** The message was heard from the server, so it needs no sending, whatever became of its ack. */
  confirm(client_id) {
    const entry = this.#find(client_id);
    if (!entry) return;
    this.#pacing.accepted(entry.text, this.#world.clock());
    this.remove(client_id);
  }

  retry(client_id) {
    const entry = this.#find(client_id);
    if (entry?.state !== "failed") return;
    Object.assign(entry, { state: "waiting", error: null, paced: true, held: false, unanswered: 0 });
    this.#keep(entry);
    this.#changed();
  }

  remove(client_id) {
    if (!this.#find(client_id)) return;
    this.#entries = this.#entries.filter((entry) => entry.client_id !== client_id);
    this.#world.storage.remove(client_id);
    this.#changed();
  }

  #changed() {
    this.#world.changed();
    this.#pump();
  }

  #find(client_id) {
    return this.#entries.find((entry) => entry.client_id === client_id);
  }

  #queue() {
    return this.#entries.filter((entry) => entry.state === "waiting");
  }

  #keep(entry) {
    this.#world.storage.put({ ...entry });
  }

  #pump() {
    if (!this.#online || this.#sending || this.#timer !== null) return;
    const [entry] = this.#queue();
    if (!entry) return;
    const wait = entry.paced ? this.#pacing.wait(entry.text, this.#world.clock()) : 0;
    if (wait > 0) this.#pumpLater(wait);
    else this.#deliver(entry);
  }

  #pumpLater(ms) {
    this.#timer = this.#world.later(() => {
      this.#timer = null;
      this.#pump();
    }, ms);
  }

  #stopTimer() {
    if (this.#timer !== null) this.#world.cancel(this.#timer);
    this.#timer = null;
  }

  async #deliver(entry) {
    const { room, text, client_id } = entry;
    const payload = { room, text, client_id };
    // A resend says where the server should look for a first copy; the first time nothing can lie there.
    if (entry.attempts > 0) payload.seen = entry.seen;
    else entry.seen = this.#world.seen(room);
    entry.attempts += 1;
    entry.state = "sending";
    this.#sending = true;
    this.#keep(entry);
    this.#world.changed();
    try {
      await this.#world.send(payload);
      this.#sending = false;
      this.confirm(client_id);
      this.#pump();
    } catch (error) {
      this.#sending = false;
      if (this.#find(client_id)) this.#refused(entry, error);
      else this.#pump();
    }
  }

  #refused(entry, error) {
    if (error.code === "offline") this.#unanswered(entry);
    else if (error.code === "too_fast") this.#tooFast(entry, error);
    else this.#fail(entry, error);
    if (error.code === "banned") {
      this.#pacing.forget();
      for (const other of this.#queue()) this.#fail(other, error);
    }
    if (error.code !== "offline") this.#world.refused(error);
    this.#keep(entry);
    this.#changed();
  }

  #unanswered(entry) {
    entry.state = "waiting";
    entry.paced = true;
    if (!this.#online) return;
    entry.unanswered += 1;
    if (entry.unanswered >= UNANSWERED_MAX) this.#fail(entry, { code: "unavailable" });
    else if (this.#timer === null) this.#pumpLater(RETRY_MS);
  }

  #tooFast(entry, error) {
    this.#pacing.holdUntil(this.#world.clock() + (error.retry_after ?? 1) * 1000);
    // Whoever has not yet read the warning is not to be banned for what was already on its way.
    for (const other of this.#queue()) other.paced = true;
    if (entry.paced && !entry.held) Object.assign(entry, { state: "waiting", held: true });
    else this.#fail(entry, error);
  }

  #fail(entry, error) {
    Object.assign(entry, { state: "failed", error });
  }
}

/** Storage that lives as long as the page does. */
export function memoryStorage() {
  const entries = new Map();
  return {
    all: async () => [...entries.values()],
    put: async (entry) => void entries.set(entry.client_id, entry),
    remove: async (client_id) => void entries.delete(client_id),
  };
}
