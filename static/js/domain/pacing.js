/** When the next message may leave without the server's limiter ever having to refuse one. */

const SAME_TEXT = { messages: 4, window_s: 60 };
// The server counts a message at some moment before its ack is heard; clocks and timers are not exact.
const MARGIN_MS = 400;

/** Remembers accepted messages; all moments are local milliseconds. */
export class Pacing {
  #accepted = [];
  #limit = null;
  #heldUntil = 0;

  /** `limit` as in session:ready: {messages, window_s}, or null where nothing is limited. */
  setLimit(limit) {
    this.#limit = limit;
  }

  accepted(text, now) {
    const kept = Math.max(SAME_TEXT.window_s, this.#limit?.window_s ?? 0) * 1000 + MARGIN_MS;
    this.#accepted = this.#accepted.filter((item) => now - item.at < kept);
    this.#accepted.push({ at: now, text: text.trim() });
  }

  /** A ban empties the server's window: whoever may write again may write at once. */
  forget() {
    this.#accepted = [];
    this.#heldUntil = 0;
  }

  /** The server asked for a pause. */
  holdUntil(moment) {
    this.#heldUntil = Math.max(this.#heldUntil, moment);
  }

  /** Milliseconds that `text` should still wait at `now`. */
  wait(text, now) {
    if (!this.#limit) return Math.max(0, this.#heldUntil - now);
    const same = this.#accepted.filter((item) => item.text === text.trim());
    const free = Math.max(
      this.#heldUntil,
      whenFree(this.#accepted, this.#limit),
      whenFree(same, SAME_TEXT),
    );
    return Math.max(0, free - now);
  }
}

/** The moment at which fewer than `messages` of `items` are young enough to count. */
function whenFree(items, { messages, window_s }) {
  const oldest = items[items.length - messages];
  return oldest ? oldest.at + window_s * 1000 + MARGIN_MS : 0;
}
