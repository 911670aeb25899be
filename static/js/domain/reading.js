/** How far a person has read one room: the unread count, and where the "new" line stands. */

/** All ids are message ids; 0 is "nothing yet". */
export class Reading {
  #away = false;

  constructor(readId = 0) {
    this.readId = readId;
    this.lastId = readId;
    this.unread = 0;
    this.lineAfter = null;
  }

  /** The last page was loaded: what lies beyond the read mark is new. */
  opened(messages, me) {
    this.lastId = messages.at(-1)?.id ?? 0;
    const firstKnown = messages[0]?.id ?? 0;
    const news = messages.filter((message) => message.id > this.readId && message.author !== me);
    // A mark older than the page cannot be placed, and a first visit has read nothing: no line.
    const placed = this.readId >= firstKnown && this.readId > 0 && news.length > 0;
    this.lineAfter = placed ? this.readId : null;
    if (this.#away) this.unread = news.length;
    else this.#readAll();
  }

  heard(message, me) {
    this.lastId = Math.max(this.lastId, message.id);
    if (message.author === me) this.lineAfter = null;
    if (!this.#away) return this.#readAll();
    if (message.author === me) return undefined;
    // The line moves only now, while nobody looks: taken away at leaving, it would pull the text along.
    if (this.unread === 0) this.lineAfter = this.readId;
    this.unread += 1;
    return undefined;
  }

  /** The end of the conversation went out of the reader's sight, or came back into it. */
  setAway(away) {
    if (away === this.#away) return;
    this.#away = away;
    if (!away) this.#readAll();
  }

  #readAll() {
    this.readId = this.lastId;
    this.unread = 0;
  }
}
