/** What all commands share. A further command is a further file in commands/, and a line in commands.ts. */
import type fc from "fast-check";
import type { Sequence } from "./sequence.ts";

/** What a command may count on before it runs: how many there are of what it needs. */
export interface Model {
  actors: number;
  monitors: number;
}

export type Command = fc.AsyncCommand<Model, Sequence>;

/** One of a list that is not empty. */
export function pick<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}
