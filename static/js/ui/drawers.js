/** The side columns: fixed beside the conversation where there is room, drawers over it where there is not. */

import { recall, remember } from "../lib/storage.js";

const wide = matchMedia("(min-width: 64rem)");
const phone = matchMedia("(max-width: 47.99rem)");

export function mountDrawers() {
  const chat = document.getElementById("chat");
  const conversation = document.getElementById("conversation");
  const scrim = document.getElementById("scrim");
  const sides = {
    rooms: { side: document.getElementById("rooms-side"), toggle: document.getElementById("rooms-toggle") },
    people: { side: document.getElementById("people-side"), toggle: document.getElementById("people-toggle") },
  };
  let open = null;
  let folded = recall("people") === "folded";

  sides.rooms.toggle.addEventListener("click", () => openDrawer("rooms"));
  sides.people.toggle.addEventListener("click", () => (wide.matches ? fold() : openDrawer("people")));
  scrim.addEventListener("click", close);
  for (const button of chat.querySelectorAll("[data-close-drawer]")) button.addEventListener("click", close);
  for (const query of [wide, phone]) query.addEventListener("change", close);
  draw();

  const isDrawer = (name) => (name === "rooms" ? phone.matches : !wide.matches);

  function fold() {
    folded = !folded;
    remember("people", folded ? "folded" : null);
    draw();
  }

  function openDrawer(name) {
    open = name;
    draw();
    sides[name].side.focus();
  }

  /** Close the open drawer; the focus returns to what opened it. False when none was open. */
  function close() {
    const closed = open;
    open = null;
    draw();
    if (closed) sides[closed].toggle.focus();
    return Boolean(closed);
  }

  /** Show the rooms, wherever they are kept at this width. */
  function showRooms() {
    if (isDrawer("rooms")) openDrawer("rooms");
  }

  function draw() {
    chat.dataset.drawer = open ?? "";
    chat.dataset.people = folded ? "folded" : "shown";
    scrim.hidden = !open;
    conversation.inert = Boolean(open);
    for (const [name, { side }] of Object.entries(sides)) side.inert = Boolean(open) && open !== name;
    const peopleShown = wide.matches ? !folded : open === "people";
    sides.people.toggle.setAttribute("aria-expanded", String(peopleShown));
    sides.rooms.toggle.setAttribute("aria-expanded", String(open === "rooms"));
  }

  return { close, showRooms };
}
