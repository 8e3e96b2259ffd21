import { type BonfireError, importRefusal } from "@bonfire/wire";
import type { Bundle } from "../closure/bundle.ts";
import type { ResolvedPoolOptions } from "./options.ts";

/** Bundles that were found in order, by the options they were checked against. */
const checked = new WeakMap<ResolvedPoolOptions, WeakSet<Bundle>>();

/** `GRANT_MISSING` if a bundle imports what the pool does not allow; found before anything is sent. */
export function ungranted(
  bundles: readonly Bundle[],
  options: ResolvedPoolOptions,
): BonfireError | undefined {
  if (options.realm === "process") return undefined;
  let known = checked.get(options);
  if (!known) {
    known = new WeakSet();
    checked.set(options, known);
  }
  for (const bundle of bundles) {
    if (known.has(bundle)) continue;
    for (const builtin of bundle.builtins) {
      const refusal = importRefusal(builtin, options.grants);
      if (refusal) return refusal;
    }
    known.add(bundle);
  }
  return undefined;
}
