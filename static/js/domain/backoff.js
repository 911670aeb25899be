/** How long to wait before connecting again: doubling from half a second to ten, spread by chance. */

const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/** Milliseconds before attempt number `attempt` (0 is the first), for a `chance` in [0, 1). */
export function reconnectDelay(attempt, chance) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  // Half is fixed and half is chance, so a thousand pages do not return in the same moment.
  return Math.round(full / 2 + (full / 2) * chance);
}
