/** Unread counts and the place of the "new" line. */

import { Reading } from "../../static/js/domain/reading.js";
import { same } from "./expect.js";

const from = (author) => (id) => ({ id, author });
const bob = from("bob");
const me = from("alice");

export default {
  "what is heard in sight is read": () => {
    const reading = new Reading();
    reading.opened([bob(1)], "alice");
    reading.heard(bob(2), "alice");
    same([reading.unread, reading.readId, reading.lineAfter], [0, 2, null]);
  },
  "what is heard out of sight is unread, after the line": () => {
    const reading = new Reading();
    reading.opened([bob(1)], "alice");
    reading.setAway(true);
    reading.heard(bob(2), "alice");
    reading.heard(bob(3), "alice");
    same([reading.unread, reading.lineAfter], [2, 1]);
    reading.setAway(false);
    same([reading.unread, reading.readId, reading.lineAfter], [0, 3, 1]);
  },
  "the line moves with the next unread": () => {
    const reading = new Reading();
    reading.opened([bob(1)], "alice");
    reading.setAway(true);
    reading.heard(bob(2), "alice");
    reading.setAway(false);
    reading.heard(bob(3), "alice");
    reading.setAway(true);
    same(reading.lineAfter, 1);
    reading.heard(bob(4), "alice");
    same(reading.lineAfter, 3);
  },
  "an own message takes the line away and is never unread": () => {
    const reading = new Reading();
    reading.opened([bob(1)], "alice");
    reading.setAway(true);
    reading.heard(bob(2), "alice");
    reading.heard(me(3), "alice");
    same([reading.unread, reading.lineAfter], [1, null]);
    reading.heard(bob(4), "alice");
    same([reading.unread, reading.lineAfter], [2, null]);
  },
  "on return the line stands where reading stopped": () => {
    const reading = new Reading(5);
    reading.opened([bob(4), bob(5), bob(6)], "alice");
    same(reading.lineAfter, 5);
  },
  "a first visit has no line, nor has a mark older than the page": () => {
    for (const mark of [0, 2]) {
      const reading = new Reading(mark);
      reading.opened([bob(4), bob(5)], "alice");
      same(reading.lineAfter, null);
    }
  },
};
