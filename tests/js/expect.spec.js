/** The words of the specs themselves: what is not so is noticed. */

import { holds, same } from "./expect.js";

const fails = (run) => {
  try {
    run();
  } catch {
    return true;
  }
  return false;
};

export default {
  "what differs is noticed": () => {
    if (!fails(() => same([1], [2])) || !fails(() => same(undefined, null))) throw new Error("it passed");
  },
  "what is false is noticed": () => {
    if (!fails(() => holds(0))) throw new Error("it passed");
  },
  "what is equal passes": () => same({ a: [1, new Set([2])] }, { a: [1, [2]] }),
};
