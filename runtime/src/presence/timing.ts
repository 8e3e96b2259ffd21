/** How fast presence judges, in milliseconds. Both sides of a watch must use the same set. */
export interface Timing {
  /** A node beats this often. */
  readonly beat: number;
  /** A suspect is asked this often, and may take this long to answer. */
  readonly probe: number;
  /** Nobody listening under the node's name for so long without a break: gone. */
  readonly nobody: number;
  /** Silence for so long: gone, even if something still listens. */
  readonly lease: number;
  /** Whoever was cut off from NATS for so long judges everyone gone, as they will have judged it. */
  readonly natsGrace: number;
}

export const TIMING: Timing = { beat: 1_000, probe: 150, nobody: 1_500, lease: 6_000, natsGrace: 30_000 };
