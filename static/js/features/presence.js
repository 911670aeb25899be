/** Presence: who there is, who is here now, and what everyone is called at this moment. */

const ASK_AFTER_MS = 50;
const ASK_AT_MOST = 200;

export function startPresence({ connection, store }) {
  const unknown = new Set();
  let timer = null;

  connection.on("session:ready", ({ people, me, online }) => {
    learn(Object.fromEntries([...people, me].map((person) => [person.username, person])));
    const present = people.filter((person) => person.online).map((person) => person.username);
    store.set({
      online,
      people: people.map((person) => person.username),
      present: new Set([...present, me.username]),
    });
  });

  connection.on("presence:changed", ({ online, joined, left }) => {
    const present = new Set(store.state.present);
    for (const username of joined) present.add(username);
    for (const username of left) present.delete(username);
    store.set({ online, present, people: [...new Set([...store.state.people, ...joined])] });
    need(joined);
  });

  connection.on("user:changed", (user) => learn({ [user.username]: user }));

  /** Take over records {username: user}; an unchanged one keeps its identity, so nothing is redrawn. */
  function learn(records) {
    const users = new Map(store.state.users);
    let changed = false;
    for (const [username, { display_name, avatar, role }] of Object.entries(records)) {
      const known = users.get(username);
      const same = known?.display_name === display_name && known.avatar === avatar && known.role === role;
      if (same) continue;
      users.set(username, { username, display_name, avatar, role });
      changed = true;
    }
    if (changed) store.set({ users });
  }

  /** Make sure that these people's records will be known; asks once for all that come in quick succession. */
  function need(usernames) {
    for (const username of usernames) if (!store.state.users.has(username)) unknown.add(username);
    if (unknown.size && timer === null) timer = setTimeout(ask, ASK_AFTER_MS);
  }

  async function ask() {
    timer = null;
    const usernames = [...unknown].slice(0, ASK_AT_MOST);
    for (const username of usernames) unknown.delete(username);
    try {
      const { users } = await connection.request("user:get", { usernames });
      learn(users);
    } catch {
      // The username is shown meanwhile, and the next connection brings the names again.
    }
    need([]);
  }

  return { learn, need };
}
