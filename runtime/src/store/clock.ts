/** A moment of this process, on both of its clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export function moment(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

/**
 * Milliseconds since `start`, rather too many than too few. The monotonic clock stands still while a machine is
 * suspended, the other one may be set back: the greater of the two never misses time that has passed on one of them.
 */
export function elapsed(start: Moment): number {
  return Math.max(performance.now() - start.monotonic, Date.now() - start.wall);
}
