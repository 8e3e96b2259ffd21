import { type BonfireError, importRefusal } from "@bonfire/wire";
import type { Closure } from "../closure/capture.ts";
import type { ResolvedPoolOptions } from "./options.ts";

/** Lists of imports that were found in order, by the options they were checked against. */
const checked = new WeakMap<ResolvedPoolOptions, WeakSet<readonly string[]>>();

/** `GRANT_MISSING` if the closure imports what the pool does not allow; found before anything is sent. */
export function ungranted({ builtins }: Closure, options: ResolvedPoolOptions): BonfireError | undefined {
  if (options.realm !== "isolate" || builtins.length === 0) return undefined;
  let known = checked.get(options);
  if (!known) {
    known = new WeakSet();
    checked.set(options, known);
  }
  if (known.has(builtins)) return undefined;
  for (const builtin of builtins) {
    const refusal = importRefusal(builtin, options.grants);
    if (refusal) return refusal;
  }
  known.add(builtins);
  return undefined;
}
