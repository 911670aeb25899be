/** Who is writing: when to tell the others, and the one sentence that says it of them. */

export const SEND_EVERY_MS = 2000;

/** Decides when this page says that its reader is typing; the caller does the saying. */
export class TypingSignal {
  #saidAt = -Infinity;
  #on = false;

  /** A key was pressed at `now`; true when the others should be told. */
  pressed(now) {
    if (now - this.#saidAt < SEND_EVERY_MS) return false;
    this.#saidAt = now;
    this.#on = true;
    return true;
  }

  /** The text is gone or was left; true when the others should be told that it stopped. */
  stopped() {
    const tell = this.#on;
    this.#on = false;
    this.#saidAt = -Infinity;
    return tell;
  }
}

/** The catalogue key and the names to name for those typing; null when nobody is. */
export function typingSentence(names) {
  if (!names.length) return null;
  if (names.length === 1) return { key: "chat.typing_one", names };
  if (names.length === 2) return { key: "chat.typing_two", names };
  if (names.length === 3) return { key: "chat.typing_three", names };
  return { key: "chat.typing_many", names: [] };
}
