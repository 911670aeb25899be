/** Events of a room are applied exactly once and in order. */

import { Sequence } from "../../static/js/domain/sequence.js";
import { holds, same } from "./expect.js";

const event = (seq) => ({ event: "message:posted", data: { seq } });
const seqs = (items) => items.map((item) => item.data.seq);

export default {
  "the next event is applied at once": () => same(seqs(new Sequence(4).offer(event(5))), [5]),
  "an old or double one is dropped": () => {
    const sequence = new Sequence(4);
    sequence.offer(event(5));
    same([sequence.offer(event(5)), sequence.offer(event(2))], [[], []]);
  },
  "an early one waits and shows a gap": () => {
    const sequence = new Sequence(4);
    same(sequence.offer(event(7)), []);
    holds(sequence.hasGap);
    same(sequence.offer(event(5)).length, 1);
    same(seqs(sequence.offer(event(6))), [6, 7]);
    holds(!sequence.hasGap);
  },
  "after a page read whole, what it held is dropped and the rest follows": () => {
    const sequence = new Sequence(0);
    for (const seq of [9, 10, 11]) sequence.offer(event(seq));
    same(seqs(sequence.restart(10)), [11]);
    same(sequence.applied, 11);
  },
  "any shuffling with repeats is applied once and in order": () => {
    const sequence = new Sequence(0);
    const order = [3, 1, 1, 5, 2, 4, 3, 8, 7, 6, 6, 10, 9];
    same(seqs(order.flatMap((seq) => sequence.offer(event(seq)))), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  },
  "forgetting drops what waits": () => {
    const sequence = new Sequence(20);
    sequence.offer(event(25));
    sequence.forget(3);
    holds(!sequence.hasGap);
    same(seqs(sequence.offer(event(4))), [4]);
  },
};
