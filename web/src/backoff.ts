/** How long to wait before trying again: doubling, capped, with jitter so that many pages don't come at once. */

export const FIRST_MS = 500;
export const LONGEST_MS = 15_000;

/** The pause before try number `attempt` (from 0). `chance` is a number in [0, 1). */
export function pause(attempt: number, chance: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 20));
  return Math.round(full * (0.6 + 0.4 * chance));
}
