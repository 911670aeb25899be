/** The chat page, put together: one connection, one store, features between them, and what is seen of it. */

import { startAlerts } from "./features/alerts.js";
import { startChat } from "./features/chat.js";
import { startHistory } from "./features/history.js";
import { startPresence } from "./features/presence.js";
import { startSession } from "./features/session.js";
import { startTyping } from "./features/typing.js";
import { Connection } from "./socket.js";
import { createStore, emptyState } from "./state.js";
import { createAnnouncer } from "./ui/announcer.js";
import { mountComposer } from "./ui/composer.js";
import { mountDrawers } from "./ui/drawers.js";
import { mountEnded } from "./ui/ended.js";
import { mountKeys } from "./ui/keys.js";
import { mountMessageList } from "./ui/message_list.js";
import { mountPeople } from "./ui/people.js";
import { mountRooms } from "./ui/rooms.js";
import { mountStatusLine } from "./ui/status_line.js";
import { mountTopbar } from "./ui/topbar.js";
import { mountTypingLine } from "./ui/typing_line.js";
import { followViewport } from "./ui/viewport.js";

// The folder this file was loaded from is named by the content of all static files together.
const build = /\/static\/([^/]+)\/js\//.exec(import.meta.url)?.[1];

const { username, displayName, avatar, role } = document.getElementById("chat").dataset;
const me = { username, display_name: displayName, avatar: avatar || null, role };
const store = createStore(emptyState(me));
const hovers = matchMedia("(hover: hover)").matches;
const announcer = createAnnouncer(document.getElementById("announcer"));
const connection = new Connection({
  lost() {
    session.lost();
    chat.lost();
  },
  refused: (code) => session.refused(code),
});

// In this order they hear session:ready: who we are, who is here, what was said, what waits to be said.
const session = startSession({ connection, store, build });
const presence = startPresence({ connection, store });
const typing = startTyping({ connection, store });
const history = startHistory({ connection, store, presence, heard });
const chat = startChat({ connection, store, history });
startAlerts({ connection, store, history, slowDown: chat.slowDown });

function heard({ author, client_id, text }) {
  typing.arrived(author);
  if (author === store.state.me.username) chat.confirm(client_id);
  else announcer.message(store.state.users.get(author)?.display_name ?? author, text);
}

const list = mountMessageList({
  store,
  actions: {
    ...history,
    retryHistory: history.retry,
    retry: chat.retry,
    remove: chat.remove,
    // Without a mouse, writing brings up a keyboard that nobody asked for.
    write: () => (hovers && composer.focus()) || list.focus(),
  },
});
const composer = mountComposer({
  store,
  announcer,
  actions: {
    post(text) {
      typing.stopped();
      chat.post(text);
      list.scrollToEnd();
    },
    typed: typing.pressed,
    writeBanOver: session.writeBanOver,
  },
});
const drawers = mountDrawers();
const rooms = mountRooms({
  store,
  chosen() {
    drawers.close();
    composer.focus();
  },
});
mountPeople({ store });
mountTopbar({ store });
mountTypingLine({ store });
mountStatusLine({ store, announcer });
mountEnded({ store });
mountKeys({
  focusRooms() {
    drawers.showRooms();
    rooms.focus();
  },
  closeDrawer: drawers.close,
  focusComposer: composer.focus,
  toEnd: list.scrollToEnd,
});
followViewport();

if (hovers) composer.focus();
connection.start();
