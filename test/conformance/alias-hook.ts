/** Lets node find `~/…`, which tsconfig's `paths` define, as tsx and others do. */
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    return next(
      specifier.startsWith("~/") ? new URL(specifier.slice(2), import.meta.url).href : specifier,
      context,
    );
  },
});
