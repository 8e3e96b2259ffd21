/** How long an entry into an isolate may take. */

/** The option of isolated-vm; without a timeout there is no limit. */
export interface Limit {
  readonly timeout?: number;
}

/** How long code of the guest's own may take that no call's deadline covers, in milliseconds. */
export const GRACE = 1000;
/** Milliseconds by which the clock of time limits may differ from ours. */
export const CLOCK_SLACK = 2;

const UNLIMITED: Limit = {};
/** Longest timeout that timers take, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** The limit of so many milliseconds, which may be infinite. */
export function limitOf(milliseconds: number): Limit {
  if (milliseconds === Number.POSITIVE_INFINITY) return UNLIMITED;
  return { timeout: Math.max(1, Math.min(Math.ceil(milliseconds), LONGEST)) };
}

/** Whether two time limits are near enough for one entry: the shorter one is overrun by a quarter at most. */
export function similar(a: number, b: number): boolean {
  if (a === b) return true;
  const [shorter, longer] = a < b ? [a, b] : [b, a];
  return longer !== Number.POSITIVE_INFINITY && longer <= shorter * 1.25 + 5;
}
