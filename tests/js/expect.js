/** The few words that specs are written in. */

/** Fail unless both are equal in content. */
export function same(actual, expected) {
  const [got, wanted] = [plain(actual), plain(expected)];
  if (got !== wanted) throw new Error(`got ${got}, wanted ${wanted}`);
}

export function holds(condition, what = "it does not hold") {
  if (!condition) throw new Error(what);
}

/** Let everything that waits for a promise go on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

function plain(value) {
  return JSON.stringify(value, (_, item) => (item instanceof Set || item instanceof Map ? [...item] : item));
}
