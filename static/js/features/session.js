/** The session: who is signed in, whether the server is there, and a kind ending when it is over. */

const RELOADED = "soyuz.reloaded_for_ban";
const RELOAD_AGAIN_AFTER_MS = 30_000;

export function startSession({ connection, store, build }) {
  connection.on("session:ready", (ready) => {
    if (ready.me.username !== store.state.me.username) return changedHands();
    const skew_ms = Date.parse(ready.now) - Date.now();
    store.set({
      connection: "online",
      me: ready.me,
      rooms: ready.rooms,
      limits: ready.limits,
      skew_ms,
      writeBan: writeBan(ready.me.write_ban, skew_ms),
      outdated: Boolean(build && ready.build && ready.build !== build),
    });
    return undefined;
  });

  connection.on("session:ended", (ended) => {
    connection.stop();
    store.set({ ended: { ...ended, until: localMoment(ended.until, store.state.skew_ms) } });
  });

  /** Somebody else signed in in this browser meanwhile: what waits here must not be said in their name. */
  function changedHands() {
    connection.stop();
    store.set({ ended: { reason: "signed_out" } });
  }

  connection.on("user:changed", (user) => {
    const { me } = store.state;
    if (me.username === user.username) store.set({ me: { ...me, ...user } });
  });

  /** The connection broke. */
  function lost() {
    if (store.state.connection !== "connecting") store.set({ connection: "offline" });
  }

  /** The server will not have us: the sign-in page and the page for the banned say why. */
  function refused(code) {
    if (code === "signed_out") location.assign("/login");
    else if (reloadedJustNow()) store.set({ ended: { reason: "banned", params: {} } });
    else location.assign("/");
  }

  const writeBanOver = () => store.set({ writeBan: null });

  return { lost, refused, writeBanOver };
}

/** A write ban as the composer shows it: `until` in local milliseconds, null for ever. */
export function writeBan(ban, skew_ms = 0) {
  if (!ban) return null;
  return { reason: ban.reason ?? "", until: localMoment(ban.until, skew_ms) };
}

/** A server's moment by this computer's clock, which may be wrong by minutes; null stays null. */
function localMoment(iso, skew_ms = 0) {
  return iso ? Date.parse(iso) - skew_ms : null;
}

/** A second refusal right after a reload would reload for ever. */
function reloadedJustNow() {
  try {
    const last = Number(sessionStorage.getItem(RELOADED));
    sessionStorage.setItem(RELOADED, String(Date.now()));
    return Date.now() - last < RELOAD_AGAIN_AFTER_MS;
  } catch {
    return true;
  }
}
