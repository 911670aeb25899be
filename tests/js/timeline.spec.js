/** The rows that a room's messages make, and how few of them there ever are. */

import { ROWS_MAX, Timeline } from "../../static/js/domain/timeline.js";
import { holds, same } from "./expect.js";

const START = Date.UTC(2026, 10, 22, 9);
const message = (id, author = "alice", minutes = id) => ({
  id, seq: id, author, text: `m${id}`, client_id: `c${id}`, at: new Date(START + minutes * 60_000).toISOString(),
});
const run = (from, to, author) => Array.from({ length: to - from + 1 }, (_, n) => message(from + n, author, (from + n) / 10));
const shown = (timeline, line) => timeline.rows(line).filter((row) => row.type === "message");
const types = (timeline, line) => timeline.rows(line).map((row) => row.type);
const all = { hasOlder: false, hasNewer: false };

export default {
  "a day begins with its separator": () => {
    const timeline = new Timeline();
    timeline.replace([message(1, "alice", 0), message(2, "alice", 24 * 60)], all);
    same(types(timeline), ["day", "message", "day", "message"]);
  },
  "the same person within five minutes is grouped": () => {
    const timeline = new Timeline();
    timeline.replace([message(1, "alice", 0), message(2, "alice", 4), message(3, "bob", 5), message(4, "alice", 6), message(5, "alice", 11)], all);
    same(shown(timeline).map((row) => row.grouped), [false, true, false, false, false]);
  },
  "the new line stands before the first unread and breaks the group": () => {
    const timeline = new Timeline();
    timeline.replace([message(1, "alice", 0), message(2, "alice", 1)], all);
    same(types(timeline, 1), ["day", "message", "new", "message"]);
    same(shown(timeline, 1)[1].grouped, false);
    same(types(timeline, 2), ["day", "message", "message"]);
  },
  "a pending message becomes real in the same row": () => {
    const timeline = new Timeline();
    timeline.replace([message(1)], all);
    const entry = { client_id: "mine", author: "alice", text: "x", at: message(2).at, state: "waiting" };
    timeline.setPending([entry]);
    const before = shown(timeline)[1];
    timeline.setPending([]);
    timeline.post({ ...message(2), client_id: "mine" }, true);
    const after = shown(timeline)[1];
    same([before.key, before.state], [after.key, "waiting"]);
    same(after.state, "posted");
  },
  "a page that already brought it shows it once": () => {
    const timeline = new Timeline();
    timeline.setPending([{ client_id: "c1", author: "alice", text: "x", at: message(1).at, state: "sending" }]);
    timeline.replace([message(1)], all);
    same(shown(timeline).length, 1);
  },
  "someone else's choice of client_id makes no key twice": () => {
    const timeline = new Timeline();
    timeline.replace([{ ...message(1), client_id: "x" }, { ...message(2, "bob"), client_id: "x" }], all);
    same(new Set(shown(timeline).map((row) => row.key)).size, 2);
  },
  "a message heard twice is shown once": () => {
    const timeline = new Timeline();
    timeline.replace([message(1), message(2)], all);
    timeline.post(message(2), true);
    same(shown(timeline).map((row) => row.id), [1, 2]);
  },
  "older pages push out the newest, never more rows than allowed": () => {
    const timeline = new Timeline();
    timeline.replace(run(951, 1000), { hasOlder: true, hasNewer: false });
    for (let from = 901; from > 400; from -= 50) timeline.addOlder(run(from, from + 49), true);
    holds(timeline.rows().length <= ROWS_MAX, timeline.rows().length);
    same(timeline.messages[0].id, 401);
    holds(timeline.hasNewer);
  },
  "newer pages bring the end back": () => {
    const timeline = new Timeline();
    timeline.replace(run(1, 280), { hasOlder: false, hasNewer: true });
    timeline.addNewer(run(281, 330), false);
    same([timeline.messages.at(-1).id, timeline.hasOlder, timeline.hasNewer], [330, true, false]);
    holds(timeline.rows().length <= ROWS_MAX);
  },
  "at the end live messages push out the oldest": () => {
    const timeline = new Timeline();
    timeline.replace(run(1, 50), all);
    for (const one of run(51, 1000)) timeline.post(one, true);
    same(timeline.messages.at(-1).id, 1000);
    holds(timeline.hasOlder && timeline.rows().length <= ROWS_MAX);
  },
  "a reader further up keeps what is read": () => {
    const timeline = new Timeline();
    timeline.replace(run(1, 50), all);
    for (const one of run(51, 1000)) timeline.post(one, false);
    same(timeline.messages[0].id, 1);
    holds(timeline.hasNewer && timeline.rows().length <= ROWS_MAX);
  },
  "a notice stays where it happened": () => {
    const timeline = new Timeline();
    timeline.replace([message(1)], all);
    timeline.addNotice({ key: "n", at: message(1).at });
    timeline.post(message(2), true);
    same(types(timeline), ["day", "message", "notice", "message"]);
  },
  "one that came before the first page stands after it": () => {
    const timeline = new Timeline();
    timeline.addNotice({ key: "n", at: message(3).at });
    timeline.replace([message(1), message(2)], all);
    same(types(timeline), ["day", "message", "message", "notice"]);
  },
  "someone who comes and goes takes one line": () => {
    const timeline = new Timeline();
    timeline.replace([message(1)], all);
    for (const key of ["joined", "left", "back"]) timeline.addNotice({ key, about: "bob", at: message(1).at });
    same(timeline.rows().filter((row) => row.type === "notice").map((row) => row.key), ["back"]);
  },
};
