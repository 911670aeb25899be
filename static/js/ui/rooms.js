/** The list of rooms, with what is unread in each. */

import { t } from "../lib/catalogue.js";

export function mountRooms({ store, chosen }) {
  const template = document.getElementById("room-template");
  const list = document.getElementById("rooms");
  const nodes = new Map();

  store.watch(["rooms", "room", "unread"], ({ rooms, room, unread }) => {
    const drawn = rooms.map((one) => {
      const node = nodes.get(one.id) ?? template.content.firstElementChild.cloneNode(true);
      nodes.set(one.id, node);
      node.querySelector(".room-label bdi").textContent = one.name;
      const open = one.id === room;
      if (open) node.firstElementChild.setAttribute("aria-current", "page");
      else node.firstElementChild.removeAttribute("aria-current");
      const badge = node.querySelector(".room-unread");
      badge.textContent = open && unread ? t.number(unread) : "";
      badge.ariaLabel = open && unread ? t("chat.unread_label", { n: unread }) : null;
      return node;
    });
    list.replaceChildren(...drawn);
  });

  list.addEventListener("click", (event) => {
    if (event.target.closest(".room")) chosen();
  });

  return { focus: () => list.querySelector("[aria-current], button")?.focus() };
}
