import type { Random } from "../random.ts";
import type { Times, World } from "../world.ts";

export interface Fault {
  readonly name: string;
  /** Whom it befalls: two faults at once befall different ones. */
  readonly befalls: "victim" | "pair" | "all";
  /** Why it cannot be done here; undefined if it can. */
  skipped?(world: World): string | undefined;
  /** Does it, and resolves when it is over and what it is about is gone. */
  run(world: World, random: Random): Promise<Times>;
}

/** Of faults that nobody is gone by. */
export const NOBODY: Times = {};
