/** Own messages leave in order, once each, paced when they had to wait, and stay when refused. */

import { memoryStorage, Outbox } from "../../static/js/domain/outbox.js";
import { holds, same, settled } from "./expect.js";

/** A world whose server is `answer(payload, now)` and whose clock runs only when told. */
function world(answer = () => ({ ok: true })) {
  const here = { now: 0, sent: [], timers: [], refusals: [], storage: memoryStorage() };
  here.outbox = new Outbox({
    send: async (payload) => {
      here.sent.push({ ...payload, now: here.now });
      const result = await answer(payload, here.now);
      if (result?.code) throw result;
      return result;
    },
    seen: () => 41,
    clock: () => here.now,
    later: (run, ms) => here.timers.push({ run, at: here.now + ms }) && here.timers.at(-1),
    cancel: (timer) => (here.timers = here.timers.filter((one) => one !== timer)),
    storage: here.storage,
    changed: () => {},
    refused: (error) => here.refusals.push(error.code),
  });
  here.write = (text, id = text) => here.outbox.add({ client_id: id, room: "lobby", text, at: "" });
  here.pass = async (ms) => {
    const end = here.now + ms;
    await settled();
    for (;;) {
      const next = here.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      here.timers = here.timers.filter((timer) => timer !== next);
      here.now = next.at;
      next.run();
      await settled();
    }
    here.now = end;
  };
  here.texts = () => here.sent.map((payload) => payload.text);
  return here;
}

const states = ({ outbox }) => outbox.entries.map((entry) => entry.state);

export default {
  "what is written while connected leaves at once": async () => {
    const here = world();
    here.outbox.setOnline(true);
    here.write("a");
    await settled();
    same(here.sent, [{ room: "lobby", text: "a", client_id: "a", now: 0 }]);
    same(here.outbox.entries, []);
  },
  "one is in flight at a time, in the order written": async () => {
    const answers = [];
    const here = world(() => new Promise((resolve) => answers.push(resolve)));
    here.outbox.setOnline(true);
    for (const text of ["a", "b", "c"]) here.write(text);
    await settled();
    same(here.texts(), ["a"]);
    same(states(here), ["sending", "waiting", "waiting"]);
    answers.shift()({});
    await settled();
    same(here.texts(), ["a", "b"]);
  },
  "twelve from a tunnel are never more than the limiter allows": async () => {
    const here = world();
    here.outbox.setLimit({ messages: 8, window_s: 10 });
    for (let n = 0; n < 12; n += 1) here.write(`m${n}`);
    await settled();
    same(here.sent.length, 0);
    here.outbox.setOnline(true);
    await here.pass(60_000);
    same(here.texts(), Array.from({ length: 12 }, (_, n) => `m${n}`));
    for (const { now } of here.sent) {
      holds(here.sent.filter((one) => one.now > now - 10_000 && one.now <= now).length <= 8);
    }
    same(here.refusals, []);
  },
  "the same text five times waits out its own budget": async () => {
    const here = world();
    here.outbox.setLimit({ messages: 8, window_s: 10 });
    for (let n = 0; n < 5; n += 1) here.write("ok", `id${n}`);
    here.outbox.setOnline(true);
    await here.pass(59_000);
    same(here.sent.length, 4);
    await here.pass(5_000);
    same(here.sent.length, 5);
  },
  "without limits nothing waits": async () => {
    const here = world();
    for (let n = 0; n < 30; n += 1) here.write("x", `id${n}`);
    here.outbox.setOnline(true);
    await settled(); await settled(); await settled(); await settled(); await settled(); await settled();
    await here.pass(0);
    same(here.sent.length, 30);
  },
  "a lost answer is asked again with the same id and what was seen": async () => {
    let lost = true;
    const here = world(() => (lost ? { code: "offline" } : {}));
    here.outbox.setOnline(true);
    here.write("a");
    await settled();
    here.outbox.setOnline(false);
    lost = false;
    here.outbox.setOnline(true);
    await here.pass(5_000);
    same(here.sent.map(({ client_id, seen }) => [client_id, seen ?? null]), [["a", null], ["a", 41]]);
    same(here.outbox.entries, []);
  },
  "a server that never answers makes it fail": async () => {
    const here = world(() => ({ code: "offline" }));
    here.outbox.setOnline(true);
    here.write("a");
    await here.pass(60_000);
    same(states(here), ["failed"]);
    same(here.outbox.entries[0].error.code, "unavailable");
  },
  "a refused message stays with its reason, the next one goes": async () => {
    const here = world(({ text }) => (text === "bad" ? { code: "invalid" } : {}));
    here.outbox.setOnline(true);
    here.write("bad");
    here.write("good");
    await settled();
    same(here.outbox.entries.map((entry) => [entry.text, entry.error.code]), [["bad", "invalid"]]);
    same(here.texts(), ["bad", "good"]);
    here.outbox.remove("bad");
    same(here.outbox.entries, []);
  },
  "trying again after too_fast waits until it is allowed": async () => {
    const here = world((_, now) => (now < 7_000 ? { code: "too_fast", retry_after: 7 } : {}));
    here.outbox.setOnline(true);
    here.write("a");
    await settled();
    same(states(here), ["failed"]);
    here.outbox.retry("a");
    await here.pass(6_900);
    same(here.sent.length, 1);
    await here.pass(200);
    same(here.outbox.entries, []);
  },
  "what was already on its way when the warning came does not rush into a ban": async () => {
    const here = world(({ text }, now) => (now < 5_000 ? { code: "too_fast", retry_after: 5 } : { text }));
    here.outbox.setOnline(true);
    here.write("a");
    here.write("b");
    await here.pass(4_900);
    same(here.texts(), ["a"]);
    await here.pass(1_000);
    same(here.texts(), ["a", "b"]);
  },
  "a ban fails everything that waits": async () => {
    const here = world(() => ({ code: "banned" }));
    here.outbox.setOnline(true);
    for (const text of ["a", "b", "c"]) here.write(text);
    await here.pass(60_000);
    same(here.texts(), ["a"]);
    same(states(here), ["failed", "failed", "failed"]);
  },
  "whoever was banned may write at once when the ban is over": async () => {
    const here = world(({ text }) => (text === "c" && here.now < 5_000 ? { code: "banned" } : { ok: true }));
    here.outbox.setLimit({ messages: 2, window_s: 60 });
    here.outbox.setOnline(true);
    for (const text of ["a", "b", "c"]) here.write(text);
    await here.pass(9_000);
    same(here.texts(), ["a", "b", "c"]);
    here.outbox.retry("c");
    await settled();
    same(here.texts(), ["a", "b", "c", "c"]);
  },
  "hearing the message is as good as its ack": async () => {
    const here = world(() => new Promise(() => {}));
    here.outbox.setOnline(true);
    here.write("a");
    await settled();
    here.outbox.confirm("a");
    same(here.outbox.entries, []);
  },
  "an earlier page's messages go first, as resends": async () => {
    const here = world();
    await here.storage.put({ client_id: "old", room: "lobby", text: "old", state: "sending", attempts: 1, seen: 7, unanswered: 0 });
    here.write("new");
    await here.outbox.restore();
    here.outbox.setOnline(true);
    await here.pass(1_000);
    same(here.sent.map(({ text, seen }) => [text, seen ?? null]), [["old", 7], ["new", null]]);
    same(await here.storage.all(), []);
  },
};
