/**
 * From a class to what is sent to start an actor of it. The class travels as a value does, so that it is found in its
 * file, by the loader's tag or by its text; the closure that captures it is the same for all of them.
 */
import { BonfireError, type HandleReference, ValueRefused } from "@bonfire/wire";
import type { Bundle } from "./bundle.ts";
import { type Closure, encodeMessage } from "./capture.ts";

/** The realm takes the class from the captures, so nothing in here runs. */
const CODE = "(function () { return { classes: {}, sites: [() => () => undefined] }; })";
const BUNDLE: Bundle = {
  hash: "ac7042ac7042ac70",
  code: CODE,
  builtins: [],
  classes: [],
  packages: [],
};

/** Throws `CAPTURE_REFUSED` when the class would not mean the same there. */
export function captureClass(
  type: { readonly name: string },
  handle: (value: object) => HandleReference | undefined,
): Closure {
  const encoded = encode(type, handle);
  return {
    at: `pool.spawn(${type.name})`,
    site: 0,
    captures: encoded.bytes,
    builtins: [],
    bundles(hostModules) {
      const needed = encoded.bundles(hostModules);
      return needed instanceof Promise ? needed.then((list) => [BUNDLE, ...list]) : [BUNDLE, ...needed];
    },
  };
}

function encode(type: { readonly name: string }, handle: (value: object) => HandleReference | undefined) {
  try {
    return encodeMessage([type], "class", handle);
  } catch (error) {
    if (!(error instanceof ValueRefused)) throw error;
    const [, ...path] = error.path;
    const what = path.length === 0 ? "it" : `its "${path.join(".")}"`;
    throw new BonfireError("CAPTURE_REFUSED", `Cannot ship class ${type.name} as ${what} ${error.reason}`);
  }
}
