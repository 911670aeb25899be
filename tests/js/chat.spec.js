/** Writing: every message is safe from the moment it is sent off, whatever the page is waiting for. */

import { startChat } from "../../static/js/features/chat.js";
import { createStore, emptyState } from "../../static/js/state.js";
import { same, settled } from "./expect.js";

const SPAM = null;

/** A chat over a connection that notes what it is asked; `toEnd` is how the history gets to its end. */
function chatWith({ toEnd = async () => {} } = {}) {
  const sent = [];
  const heard = {};
  const store = createStore(emptyState({ username: "mira", display_name: "Mira" }));
  const history = { timeline: { setPending() {} }, changed() {}, insert() {}, seq: () => 0, toEnd };
  const connection = {
    on: (event, handle) => (heard[event] = handle),
    request: async (_, { text }) => ({ id: sent.push(text), at: "" }),
  };
  const chat = startChat({ connection, store, history });
  return { chat, sent, store, connects: () => heard["session:ready"]({ limits: { spam: SPAM } }) };
}

/** Whether leaving the page now would ask first. */
function asks() {
  const leaving = new Event("beforeunload", { cancelable: true });
  dispatchEvent(leaving);
  return leaving.defaultPrevented;
}

export default {
  "three at once leave in the order written, however the way to the end goes": async () => {
    const ways = [];
    const { chat, sent, connects } = chatWith({ toEnd: () => new Promise((go) => ways.push(go)) });
    connects();
    for (const text of ["one", "two", "three"]) chat.post(text);
    for (const go of ways.reverse()) {
      go();
      await settled();
    }
    await settled();
    same(sent, ["one", "two", "three"]);
  },
  "what is written before the first connection waits for it": async () => {
    const { chat, sent, store, connects } = chatWith();
    chat.post("early");
    same([store.state.waiting, sent], [1, []]);
    connects();
    await settled();
    same([store.state.waiting, sent], [0, ["early"]]);
  },
  "leaving asks while messages wait, and only then": async () => {
    const { chat, store, connects } = chatWith();
    same(asks(), false);
    chat.post("waits");
    same(asks(), true);
    store.set({ ended: { reason: "signed_out" } });
    same(asks(), false);
    store.set({ ended: null });
    connects();
    await settled();
    same(asks(), false);
  },
};
