/** `import()` as a program in some directory would do it, which is how packages that do not travel are found. */
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Begins a specifier that says for whom it is to be resolved; nobody else writes such. */
const SCHEME = "bonfire-package:";
let hooked = false;

/** Node resolves an import from the module that contains it, and offers no other way without a warning. */
function hook(): void {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith(SCHEME)) return next(specifier, context);
      const [parentURL, wanted] = JSON.parse(specifier.slice(SCHEME.length)) as [string, string];
      return next(wanted, { ...context, parentURL });
    },
  });
}

export function importFrom(directory: string): (specifier: string) => Promise<object> {
  const parent = pathToFileURL(join(directory, "closure.js")).href;
  return async (specifier) => {
    hook();
    return (await import(SCHEME + JSON.stringify([parent, specifier]))) as object;
  };
}
