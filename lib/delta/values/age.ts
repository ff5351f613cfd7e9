/**
 * Ages by a clock that may be set back or forward at any time. All of them are computed here: none is negative, and nothing waits for a
 * moment that was only the future by a wrong clock.
 */

/** The moment so many milliseconds ago: what is of an earlier one has expired. */
export function momentBefore(now: number, ms: number): number {
  return now - ms;
}

/** Milliseconds since a moment; 0 where it has not come yet. */
export function ageMs(now: number, since: number): number {
  return Math.max(0, now - since);
}

/** True when that moment is so long ago, or has not come yet: the clock was set since, and nobody knows how long ago it is. */
export function isPast(now: number, since: number, ms: number): boolean {
  return since > now || now - since >= ms;
}

/** A step of the clock that is longer than any sleep: somebody has set it. */
const SET_MS = 60_000;

/** Milliseconds that a pause has taken: measured, but where the clock was set meanwhile, those that were asked for. */
export function pauseMs(now: number, before: number, asked: number): number {
  const measured = now - before;
  return measured < asked || measured > asked + SET_MS ? asked : measured;
}
