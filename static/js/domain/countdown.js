/** Time left, counted in whole seconds that never show 0:00 before the end. */

/** Whole seconds left at `now` (milliseconds); 0 once `until` has passed. */
export function secondsLeft(until, now) {
  return Math.max(0, Math.ceil((until - now) / 1000));
}

/** Milliseconds until the shown figure changes. */
export function untilNextChange(until, now) {
  const left = until - now;
  if (left <= 0) return 0;
  return left % 1000 || 1000;
}

/** Seconds as m:ss, h:mm:ss above an hour. */
export function clockFigure(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
