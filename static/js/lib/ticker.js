/** A countdown that ticks with the clock: told every second, and once when it is over. */

import { secondsLeft, untilNextChange } from "../domain/countdown.js";

const LONGEST_SLEEP_MS = 60_000;

/** Call `tick(seconds)` at every change and `done()` at `until` (local milliseconds); returns how to stop. */
export function countDown(until, { tick, done }) {
  let timer = null;
  const step = () => {
    const now = Date.now();
    const left = secondsLeft(until, now);
    if (left === 0) return done();
    tick(left);
    // A computer that slept reads its clock again at most a minute after waking.
    timer = setTimeout(step, Math.min(LONGEST_SLEEP_MS, untilNextChange(until, now)));
    return undefined;
  };
  step();
  return () => clearTimeout(timer);
}
