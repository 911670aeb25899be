/** The height that is really there: a phone's soft keyboard covers the page without resizing it. */

const KEYBOARD_PX = 120;

export function followViewport() {
  const { visualViewport } = window;
  if (!visualViewport) return;
  visualViewport.addEventListener("resize", () => {
    const covered = innerHeight - visualViewport.height * visualViewport.scale;
    // A pinch makes the viewport small as well, but covers nothing.
    const height = covered > KEYBOARD_PX && visualViewport.scale === 1 ? `${visualViewport.height}px` : "";
    document.documentElement.style.setProperty("--visible-height", height || "100dvh");
  });
}
