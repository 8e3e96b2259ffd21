import { importRefusal } from "@bonfire/wire";
import type { Bundle } from "../closure/bundle.ts";
import type { ResolvedPoolOptions } from "./options.ts";

/** Bundles that were found in order, by the options they were checked against. */
const checked = new WeakMap<ResolvedPoolOptions, WeakSet<Bundle>>();

/** Throws `GRANT_MISSING` if a bundle imports what the pool does not allow, before anything is sent. */
export function refuseUngranted(bundles: readonly Bundle[], options: ResolvedPoolOptions): void {
  if (options.realm === "process") return;
  let known = checked.get(options);
  if (!known) {
    known = new WeakSet();
    checked.set(options, known);
  }
  for (const bundle of bundles) {
    if (known.has(bundle)) continue;
    for (const builtin of bundle.builtins) {
      const refusal = importRefusal(builtin, options.grants);
      if (refusal) throw refusal;
    }
    known.add(bundle);
  }
}
