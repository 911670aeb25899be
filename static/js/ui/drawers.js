/** The side columns: fixed beside the conversation where there is room, drawers over it where there is not. */

import { recall, remember } from "../lib/storage.js";

const wide = matchMedia("(min-width: 64rem)");
const phone = matchMedia("(max-width: 47.99rem)");

export function mountDrawers() {
  const chat = document.getElementById("chat");
  const conversation = document.getElementById("conversation");
  const scrim = document.getElementById("scrim");
  const skipLink = document.querySelector(".skip-link");
  const sides = {
    rooms: { side: document.getElementById("rooms-side"), toggle: document.getElementById("rooms-toggle") },
    people: { side: document.getElementById("people-side"), toggle: document.getElementById("people-toggle") },
  };
  let open = null;
  let from = null; // what had the focus before the drawer
  let folded = recall("people") === "folded";

  const toggleOf = (name) => sides[name].toggle;
  toggleOf("rooms").addEventListener("click", () => openDrawer("rooms", toggleOf("rooms")));
  toggleOf("people").addEventListener("click", () => {
    if (wide.matches) fold();
    else openDrawer("people", toggleOf("people"));
  });
  scrim.addEventListener("click", close);
  for (const button of chat.querySelectorAll("[data-close-drawer]")) button.addEventListener("click", close);
  for (const query of [wide, phone]) query.addEventListener("change", toAnotherWidth);
  draw();

  const isDrawer = (name) => (name === "rooms" ? phone.matches : !wide.matches);

  function fold() {
    folded = !folded;
    remember("people", folded ? "folded" : null);
    draw();
  }

  function openDrawer(name, opener) {
    open = name;
    from = opener;
    chat.classList.add("chat-slides");
    draw();
    sides[name].side.focus();
  }

  /** Close the open drawer; the focus returns to where it came from. False when none was open. */
  function close() {
    const closed = open;
    open = null;
    draw();
    if (!closed) return false;
    from.focus();
    if (document.activeElement !== from) toggleOf(closed).focus();
    return true;
  }

  /** A column that becomes a closed drawer has never been open: nothing slides away. */
  function toAnotherWidth() {
    chat.classList.remove("chat-slides");
    close();
  }

  /** Show the rooms, wherever they are kept at this width. */
  function showRooms() {
    if (isDrawer("rooms")) openDrawer("rooms", document.activeElement);
  }

  function draw() {
    chat.dataset.drawer = open ?? "";
    chat.dataset.people = folded ? "folded" : "shown";
    scrim.hidden = !open;
    conversation.inert = Boolean(open);
    skipLink.inert = Boolean(open);
    for (const [name, { side }] of Object.entries(sides)) side.inert = Boolean(open) && open !== name;
    const peopleShown = wide.matches ? !folded : open === "people";
    sides.people.toggle.setAttribute("aria-expanded", String(peopleShown));
    sides.rooms.toggle.setAttribute("aria-expanded", String(open === "rooms"));
  }

  return { close, showRooms };
}
