/** The store: one plain object that everything shown is drawn from, and a way to hear what changed. */

/** A store over `initial`; listeners run once per change, after it, in the order they subscribed. */
export function createStore(initial) {
  const state = { ...initial };
  const listeners = [];

  /** Take over the values of `patch`; only keys whose value is another one count as changed. */
  function set(patch) {
    const changed = Object.keys(patch).filter((key) => !Object.is(state[key], patch[key]));
    if (!changed.length) return;
    Object.assign(state, patch);
    for (const { keys, run } of [...listeners]) {
      if (keys.some((key) => changed.includes(key))) run(state);
    }
  }

  /** Call `run(state)` now and whenever one of `keys` has changed; returns how to stop. */
  function watch(keys, run) {
    const listener = { keys, run };
    listeners.push(listener);
    run(state);
    return () => listeners.splice(listeners.indexOf(listener), 1);
  }

  return { state, set, watch };
}

/** What a page knows before the server has said anything: `me`, as it was when the page was made. */
export function emptyState(me) {
  return {
    connection: "connecting", // connecting | online | offline
    me,
    users: new Map([[me.username, me]]), // the newest record known of each; replaced, never changed in place
    people: [], // usernames, whoever is shown in the people list
    present: new Set(), // usernames online now
    online: 0, // people, not tabs; may be more than are listed
    rooms: [],
    room: "lobby",
    timeline: null,
    changes: 0, // grows with every change inside the timeline
    history: "loading", // loading | ready | failed
    unread: 0,
    waiting: 0, // own messages that have not left yet
    typing: [], // usernames
    limits: { text_max: 4000, spam: null, typing_max_people: 100 },
    slowUntil: 0, // local milliseconds
    writeBan: null, // { until, reason }, until in local milliseconds or null
    ended: null, // { reason, until, params, message }
    outdated: false,
  };
}
