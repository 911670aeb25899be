/** The rows of the conversation: each kind is made from its <template> and drawn again only when it changed. */

import { foldName } from "../domain/names.js";
import { locale, t } from "../lib/catalogue.js";
import { createDates } from "../lib/dates.js";
import { putAvatar } from "./avatar.js";
import { putText } from "./message_text.js";
import { putSentence } from "./sentence.js";

const dates = createDates(locale, t);
const templates = {
  message: document.getElementById("message-template"),
  day: document.getElementById("day-template"),
  new: document.getElementById("new-template"),
  notice: document.getElementById("notice-template"),
};

const failedTemplate = document.getElementById("failed-template");

/** A new, empty node for a row. */
export function makeRow(row) {
  const node = templates[row.type].content.firstElementChild.cloneNode(true);
  node.dataset.key = row.key;
  return node;
}

const draw = { message: drawMessage, day: drawDay, new: () => {}, notice: drawNotice };

/** Bring `node` up to date with `row`; `context` is {users, shared, today}. */
export function drawRow(node, row, context) {
  draw[row.type](node, row, context);
}

/** Hundreds of rows are asked at every change: what is as it was must cost next to nothing. */
function drawMessage(node, row, { users, shared }) {
  const { message, author, at, state, grouped } = row;
  const user = users.get(author);
  const collides = user && shared.has(foldName(user.display_name));
  const last = node.drawn ?? {};
  node.drawn = { user, collides, message, state, at, grouped };
  if (last.grouped !== grouped) node.classList.toggle("message-grouped", grouped);
  if (!last.message || last.user !== user || last.collides !== collides) putAuthor(node, author, user, collides);
  if (last.at !== at) putTimes(node, at);
  if (last.message?.text !== message.text) putText(part(node, "text"), message.text);
  if (last.state !== state || last.message?.error !== message.error) putState(node, row);
}

function putAuthor(node, username, user, collides) {
  const known = user ?? { username, display_name: username, avatar: null };
  putAvatar(part(node, "avatar"), known);
  part(node, "author").textContent = known.display_name;
  part(node, "handle").textContent = collides ? `@${username}` : "";
}

function putTimes(node, at) {
  for (const time of [part(node, "time"), part(node, "gutter")]) {
    time.textContent = dates.clock(at);
    time.dateTime = at;
    time.title = dates.full(at);
  }
}

function putState(node, { state, message }) {
  node.dataset.state = state;
  node.dataset.clientId = message.client_id ?? "";
  part(node, "failed")?.remove();
  if (state !== "failed") return;
  const failed = failedTemplate.content.firstElementChild.cloneNode(true);
  failed.querySelector(".message-reason").textContent = t("chat.not_sent", { reason: reason(message.error) });
  part(node, "main").append(failed);
}

/** Why the server refused, in the reader's language; the row stays, so nothing that is true for seconds only. */
function reason({ code, detail, params, message = "" }) {
  const key = [`failed.${detail}`, `failed.${code}`, `error.${detail}`, `error.${code}`].find(t.has);
  return key ? t(key, params) : message;
}

function drawDay(node, row, { today }) {
  const name = dates.day(row.at, today);
  const shown = node.querySelector(".day-name");
  if (shown.textContent !== name) shown.textContent = name;
}

function drawNotice(node, row) {
  if (node.drawn) return;
  node.drawn = true;
  const text = node.querySelector(".notice-text");
  const key = `alert.${row.code}`;
  if (t.has(key)) putSentence(text, key, row.params);
  else text.textContent = row.text ?? "";
  node.dataset.level = row.level ?? "info";
  const time = node.querySelector(".notice-time");
  time.textContent = dates.clock(row.at);
  time.dateTime = row.at;
}

function part(node, name) {
  return node.querySelector(`.message-${name}`);
}
