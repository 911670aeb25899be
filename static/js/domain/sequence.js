/** A room's events, each applied exactly once and in order, whichever way and however often they came. */

const HELD_MAX = 2000;

/** Follows one room's `seq`: what is early waits here, what is late or double is dropped. */
export class Sequence {
  #held = new Map();

  constructor(applied = 0) {
    this.applied = applied;
  }

  /** Take one event ({event, data: {seq}}); returns those that may now be applied, in order. */
  offer(item) {
    const { seq } = item.data;
    if (seq <= this.applied) return [];
    if (this.#held.size < HELD_MAX) this.#held.set(seq, item);
    return this.#drain();
  }

  /** True while something later than the next event has arrived: the next one was missed. */
  get hasGap() {
    return this.#held.size > 0;
  }

  /** Start again from `seq`, as after a page that was read whole; returns what may follow at once. */
  restart(seq) {
    this.applied = seq;
    for (const held of this.#held.keys()) if (held <= seq) this.#held.delete(held);
    return this.#drain();
  }

  /** Forget what waits as well: the room's numbers no longer are the ones it was counted by. */
  forget(seq) {
    this.#held.clear();
    this.applied = seq;
  }

  #drain() {
    const ready = [];
    for (let next = this.applied + 1; this.#held.has(next); next += 1) {
      ready.push(this.#held.get(next));
      this.#held.delete(next);
      this.applied = next;
    }
    return ready;
  }
}
