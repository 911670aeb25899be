/** Work once per animation frame; a hidden tab has no frames, so there a slow timer stands in. */

const HIDDEN_TAB_MS = 250;

/** A function that asks for `work` and returns at once; many askings in one frame make one run. */
export function oncePerFrame(work) {
  let asked = false;
  const run = () => {
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.hidden) setTimeout(run, HIDDEN_TAB_MS);
    else requestAnimationFrame(run);
  };
}
