/** What is shown of one room: messages by id, what waits to be sent, notices, and the rows they make. */

export const ROWS_MAX = 320;
const GROUP_MS = 5 * 60 * 1000;
const NOTICES_MAX = 20;
const PENDING_MAX = 200;

/** Holds a window of the history; `hasOlder` and `hasNewer` say what lies beyond it. */
export class Timeline {
  hasOlder = false;
  hasNewer = false;
  #messages = [];
  #pending = [];
  #notices = [];
  #sentHere = new Set();
  #lastId = null; // of the room's newest message known, shown or not; null before the first page

  get messages() {
    return this.#messages;
  }

  get isEmpty() {
    return !this.#messages.length && !this.#pending.length;
  }

  /** Show this page and nothing else. */
  replace(messages, { hasOlder, hasNewer }) {
    this.#messages = [...messages];
    Object.assign(this, { hasOlder, hasNewer });
    this.#lastId = Math.max(this.#lastId ?? 0, messages.at(-1)?.id ?? 0);
    for (const notice of this.#notices) notice.after ??= this.#lastId;
  }

  /** Put an older page before what is shown; the newest give way when there are too many. */
  addOlder(messages, hasOlder) {
    this.#messages = merged(messages, this.#messages);
    this.hasOlder = hasOlder;
    if (this.#messages.length > this.#room()) {
      this.#messages.length = this.#room();
      this.hasNewer = true;
    }
  }

  /** Put a newer page after what is shown; the oldest give way. */
  addNewer(messages, hasNewer) {
    this.#messages = merged(this.#messages, messages);
    this.hasNewer = hasNewer;
    this.#trimOldest();
  }

  /** A message was posted. While its reader looks at older ones and the window is full, it stays outside. */
  post(message, readerAtEnd) {
    this.#lastId = Math.max(this.#lastId ?? 0, message.id);
    if (this.hasNewer) return;
    if (!readerAtEnd && this.#messages.length >= this.#room()) {
      this.hasNewer = true;
      return;
    }
    this.#messages = merged(this.#messages, [message]);
    this.#trimOldest();
  }

  /** Own messages on their way: outbox entries with their author. */
  setPending(entries) {
    this.#pending = entries.slice(-PENDING_MAX);
    for (const entry of this.#pending) this.#sentHere.add(entry.client_id);
  }

  has(id) {
    return this.#messages.some((message) => message.id === id);
  }

  /** A line of the system's own: {key, at, …}. Somebody's newer coming or going takes the older one's place. */
  addNotice(notice) {
    const after = this.#lastId;
    const same = (other) => notice.about && other.about === notice.about && other.after === after;
    const others = this.#notices.filter((other) => !same(other));
    this.#notices = [...others, { ...notice, after }].slice(-NOTICES_MAX);
  }

  /** Rows from oldest to newest, at most ROWS_MAX; `lineAfter` is the last id read, for the "new" line. */
  rows(lineAfter = null) {
    const items = this.#items();
    const rows = [];
    let previous = null;
    let lineDrawn = lineAfter === null;
    for (const item of items.slice(-ROWS_MAX)) {
      const day = dayOf(item.at);
      const newDay = !previous || dayOf(previous.at) !== day;
      if (newDay) rows.push({ key: `day:${day}`, type: "day", at: item.at });
      const newLine = !lineDrawn && item.type === "message" && item.id > lineAfter;
      if (newLine) rows.push({ key: "new", type: "new" });
      lineDrawn ||= newLine;
      const grouped = !newDay && !newLine && continues(previous, item);
      rows.push(item.type === "message" ? { ...item, grouped } : item);
      previous = item;
    }
    return rows;
  }

  /** Everything in order: notices where they happened, pending messages after all that is posted. */
  #items() {
    const items = [];
    const before = (this.#messages[0]?.id ?? 0) - 1;
    const notices = this.#notices.filter((notice) => notice.after >= before);
    let next = 0;
    const noticesUpTo = (id) => {
      for (; next < notices.length && notices[next].after < id; next += 1) {
        items.push({ ...notices[next], type: "notice" });
      }
    };
    for (const message of this.#messages) {
      noticesUpTo(message.id);
      items.push(this.#asRow(message, "posted"));
    }
    if (this.hasNewer) return items;
    noticesUpTo(Infinity);
    for (const entry of this.#unposted()) items.push(this.#asRow(entry, entry.state));
    return items;
  }

  /** A page may bring a message before its ack has taken it out of the outbox. */
  #unposted() {
    if (!this.#pending.length) return [];
    const posted = new Set(this.#messages.map((message) => message.client_id));
    return this.#pending.filter((entry) => !posted.has(entry.client_id));
  }

  /** A message sent from this page keeps its key when it becomes real, and so its row in the page. */
  #asRow(message, state) {
    const { id = null, author, at, client_id } = message;
    const key = this.#sentHere.has(client_id) ? `sent:${client_id}` : `id:${id}`;
    return { key, type: "message", state, id, author, at, message };
  }

  /** How many messages fit beside pending ones and notices. */
  #room() {
    return ROWS_MAX - NOTICES_MAX - this.#pending.length;
  }

  #trimOldest() {
    const extra = this.#messages.length - this.#room();
    if (extra <= 0) return;
    this.#messages = this.#messages.slice(extra);
    this.hasOlder = true;
  }
}

function continues(previous, item) {
  if (previous?.type !== "message" || item.type !== "message") return false;
  const gap = Date.parse(item.at) - Date.parse(previous.at);
  return previous.author === item.author && gap < GROUP_MS;
}

/** Two ascending lists as one; the later copy of a message counts. */
function merged(first, second) {
  if (!first.length || !second.length || first.at(-1).id < second[0].id) return [...first, ...second];
  const byId = new Map([...first, ...second].map((message) => [message.id, message]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

const days = new Map();

/** The local day of a moment, as a key; remembered, since drawing asks for it at every change. */
function dayOf(at) {
  const known = days.get(at);
  if (known) return known;
  const date = new Date(at);
  const day = `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
  if (days.size > 5000) days.clear();
  days.set(at, day);
  return day;
}
