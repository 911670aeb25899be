/** The store tells whoever watches, once per change, and nobody else. */

import { createStore } from "../../static/js/state.js";
import { newClientId } from "../../static/js/lib/ids.js";
import { holds, same } from "./expect.js";

export default {
  "a watcher is told at once and at every change of its keys": () => {
    const store = createStore({ a: 1, b: 1 });
    const heard = [];
    store.watch(["a"], ({ a }) => heard.push(a));
    store.set({ b: 2 });
    store.set({ a: 1 });
    store.set({ a: 2, b: 3 });
    same(heard, [1, 2]);
  },
  "one change of several keys is told once": () => {
    const store = createStore({ a: 1, b: 1 });
    let told = 0;
    store.watch(["a", "b"], () => (told += 1));
    store.set({ a: 2, b: 2 });
    same(told, 2);
  },
  "whoever stopped watching is not told": () => {
    const store = createStore({ a: 1 });
    let told = 0;
    store.watch(["a"], () => (told += 1))();
    store.set({ a: 2 });
    same(told, 1);
  },
  "a client_id is printable ASCII of a good length, and never the same": () => {
    const ids = new Set(Array.from({ length: 1000 }, newClientId));
    same(ids.size, 1000);
    holds([...ids].every((id) => /^[0-9a-f]{24}$/.test(id)));
  },
};
