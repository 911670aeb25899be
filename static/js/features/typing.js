/** Typing: telling the others now and then, and knowing who of them is writing. */

import { TypingSignal } from "../domain/typing.js";

export function startTyping({ connection, store }) {
  const signal = new TypingSignal();

  connection.on("session:ready", () => store.set({ typing: [] }));
  connection.on("typing:changed", ({ room, users }) => {
    if (room !== store.state.room) return;
    store.set({ typing: users.filter((username) => username !== store.state.me.username) });
  });

  /** A key was pressed in the composer; `empty` when nothing is left there. */
  function pressed(empty) {
    if (empty) stopped();
    else if (!crowded() && signal.pressed(Date.now())) say(true);
  }

  function stopped() {
    if (signal.stopped()) say(false);
  }

  /** What a person was typing has arrived. */
  function arrived(username) {
    const { typing } = store.state;
    if (typing.includes(username)) store.set({ typing: typing.filter((one) => one !== username) });
  }

  function crowded() {
    const { limits, online } = store.state;
    return online > (limits.typing_max_people ?? Infinity);
  }

  function say(on) {
    // Nobody waits for this one: if it is lost, it is forgotten within seconds anyway.
    connection.request("typing:set", { room: store.state.room, on }).catch(() => {});
  }

  return { pressed, stopped, arrived };
}
