/** The keyboard: what works everywhere on the page, and the list of it all. */

const EDITABLE = "input, textarea, select, [contenteditable]";
// A side column that has the focus scrolls by itself.
const SIDE = ".side";
const apple = /Mac|iPhone|iPad/.test(navigator.platform);

/** `actions`: focusRooms(), closeDrawer() -> whether one was open, focusComposer(), toEnd(). */
export function mountKeys(actions) {
  const dialog = document.getElementById("keys");
  const menu = document.getElementById("menu");

  for (const key of dialog.querySelectorAll("[data-mod-key]")) if (apple) key.textContent = "⌘";
  document.getElementById("keys-button").addEventListener("click", show);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const run = shortcut(event);
    if (!run) return;
    event.preventDefault();
    run();
  });

  function shortcut(event) {
    const mod = event.ctrlKey || event.metaKey;
    const writing = event.target.closest?.(EDITABLE);
    if (mod && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") return actions.focusRooms;
    if (mod || event.altKey) return null;
    if (event.key === "Escape") return leave;
    if (event.key === "?" && !writing) return show;
    if (event.key === "End" && !writing && !event.target.closest?.(SIDE)) return actions.toEnd;
    return null;
  }

  function leave() {
    if (menu.matches(":popover-open")) menu.hidePopover();
    else if (!actions.closeDrawer()) actions.focusComposer();
  }

  function show() {
    if (menu.matches(":popover-open")) menu.hidePopover();
    dialog.showModal();
  }
}
