/** Drawing in step with the screen, and leaving time between two drawings for whoever is typing. */

const HIDDEN_TAB_MS = 250;

/**
 * A function that asks for `work` and returns at once; many askings make one run, in an animation frame
 * and at least `rest_ms` after the last. Its `soon()` skips the rest. A hidden tab has no frames: there
 * a slow timer stands in.
 */
export function oncePerFrame(work, rest_ms = 0) {
  let timer = null;
  let frame = null;
  let ranAt = -Infinity;

  function run() {
    clearTimeout(timer);
    timer = null;
    frame = null;
    ranAt = performance.now();
    work();
  }

  function soon() {
    clearTimeout(timer);
    timer = null;
    if (document.hidden) timer = setTimeout(run, HIDDEN_TAB_MS);
    else frame ??= requestAnimationFrame(run);
  }

  function ask() {
    if (timer !== null || frame !== null) return;
    const rest = ranAt + rest_ms - performance.now();
    if (rest > 0 && !document.hidden) timer = setTimeout(soon, rest);
    else soon();
  }

  ask.soon = soon;
  return ask;
}
