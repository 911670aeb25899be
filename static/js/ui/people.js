/** The people list: those who are here first, the others fainter, each once. */

import { foldName, sharedNames, sortPeople } from "../domain/names.js";
import { locale, t } from "../lib/catalogue.js";
import { oncePerFrame } from "../lib/frame.js";
import { putAvatar } from "./avatar.js";

export function mountPeople({ store }) {
  const template = document.getElementById("person-template");
  const nodes = new Map();
  const draw = oncePerFrame(() => {
    const { users, people, present } = store.state;
    const known = people.map((username) => users.get(username)).filter(Boolean);
    const sorted = sortPeople(known, present, locale);
    const shared = sharedNames(users.values());
    const here = sorted.filter((user) => present.has(user.username));
    const away = sorted.filter((user) => !present.has(user.username));
    fill("present", here, t("chat.present", { n: Math.max(here.length, store.state.online) }), shared);
    fill("absent", away, t("chat.absent", { n: away.length }), shared);
  });

  store.watch(["users", "people", "present", "online", "me"], draw);

  function fill(id, users, title, shared) {
    const heading = document.getElementById(`${id}-title`);
    heading.textContent = title;
    heading.hidden = !users.length;
    document.getElementById(id).replaceChildren(...users.map((user) => person(user, shared)));
  }

  /** The person's own node, made once and kept, so that pictures do not flicker. */
  function person(user, shared) {
    const node = nodes.get(user.username) ?? template.content.firstElementChild.cloneNode(true);
    nodes.set(user.username, node);
    if (node.user !== user) putAvatar(node.querySelector(".avatar"), user);
    node.user = user;
    node.querySelector(".person-name bdi").textContent = user.display_name;
    const collides = shared.has(foldName(user.display_name));
    node.querySelector(".person-handle bdi").textContent = collides ? `@${user.username}` : "";
    node.querySelector(".person-role").textContent = role(user);
    node.title = `@${user.username}`;
    return node;
  }

  function role(user) {
    if (user.username === store.state.me.username) return t("chat.you");
    if (user.role === "admin") return t("chat.role_admin");
    return user.role === "moderator" ? t("chat.role_moderator") : "";
  }
}
