/** Alerts: what the server has to say, as a line in the conversation, or where it concerns the writing. */

import { writeBan } from "./session.js";

export function startAlerts({ connection, store, history, slowDown }) {
  const special = {
    spam_warning: ({ params }) => slowDown(params.retry_after),
    write_banned: ({ params }) => store.set({ writeBan: writeBan(params, store.state.skew_ms), slowUntil: 0 }),
    write_ban_lifted: () => store.set({ writeBan: null }),
  };

  connection.on("system:alert", (alert) => {
    const { code, params = {}, level, text } = alert;
    if (special[code]) return special[code]({ params });
    const comesOrGoes = code === "joined" || code === "left";
    if (comesOrGoes && params.username === store.state.me.username) return undefined;
    return history.notice({
      key: `notice:${code}:${performance.now()}`,
      about: comesOrGoes ? params.username : null,
      at: new Date(Date.now() + (store.state.skew_ms ?? 0)).toISOString(),
      code, params, level, text,
    });
  });
}
