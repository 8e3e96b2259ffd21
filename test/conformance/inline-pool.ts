/** What stands in for a pool where the rows run in place: a call is just called. */
import type { Pool } from "@bonfire/runtime";

type Anything = (...values: unknown[]) => unknown;

export const inlinePool = {
  async call(...[first, second]: [unknown, unknown?]): Promise<unknown> {
    return typeof first === "function" ? (first as Anything)() : (second as Anything)(first);
  },
  async *map(items: Iterable<unknown>, each: Anything): AsyncGenerator<unknown> {
    let index = 0;
    for (const item of items) yield await each(item, index++);
  },
} as unknown as Pool;
