/** The top bar and the tab's title: where one is, who else is here, and what came while one was away. */

import { t } from "../lib/catalogue.js";
import { isolate } from "../lib/i18n.js";
import { putAvatar } from "./avatar.js";

export function mountTopbar({ store }) {
  const element = (id) => document.getElementById(id);

  store.watch(["rooms", "room"], ({ rooms, room }) => {
    const open = rooms.find((one) => one.id === room);
    if (!open) return;
    element("room-name").textContent = open.name;
    element("room-topic").textContent = open.topic ?? "";
    element("room-topic").hidden = !open.topic;
    element("text").placeholder = t("chat.write_in", { room: isolate(open.name) });
  });

  store.watch(["online", "connection"], ({ online, connection }) => {
    const known = online > 0;
    element("online-count").textContent = known ? t("chat.online", { n: online }) : "";
    element("people-toggle").classList.toggle("people-stale", connection !== "online");
  });

  store.watch(["me"], ({ me }) => {
    element("my-name").textContent = me.display_name;
    element("my-handle").textContent = `@${me.username}`;
    putAvatar(element("my-avatar"), me);
  });

  store.watch(["rooms", "room", "unread"], drawTitle);
  document.addEventListener("visibilitychange", drawTitle);

  function drawTitle() {
    const { rooms, room, unread } = store.state;
    const name = rooms.find((one) => one.id === room)?.name;
    if (!name) return;
    const params = { room: name, n: unread };
    document.title = t(unread && document.hidden ? "chat.title_unread" : "chat.title", params);
  }
}
