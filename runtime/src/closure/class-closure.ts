/**
 * From a class to what is sent to start an actor of it: a closure that gives the class. The loader has tagged the class
 * as one; any other travels as a value does, in the captures of a closure that is the same for all of them.
 */
import { BonfireError, type HandleReference, ValueRefused } from "@bonfire/wire";
import type { Bundle } from "./bundle.ts";
import { type CaptureOptions, type Closure, capture, encodeMessage } from "./capture.ts";
import { tagOf } from "./registry.ts";

const CODE = "(function () { return { classes: {}, sites: [([type]) => type] }; })";
const BUNDLE: Bundle = {
  hash: "ac7042ac7042ac70",
  code: CODE,
  builtins: [],
  classes: [],
  packages: [],
};

/** Throws `CAPTURE_REFUSED` when the class would not mean the same there. */
export function captureClass(type: Class, options: CaptureOptions & { readonly handle: Handle }): Closure {
  if (tagOf(type)) return capture(type, options);
  const encoded = encode(type, options.handle);
  const { maxCaptureBytes = Number.POSITIVE_INFINITY } = options;
  if (encoded.bytes.length > maxCaptureBytes) {
    throw new BonfireError(
      "CAPTURE_REFUSED",
      `Cannot ship class ${type.name} as what it captures takes ${encoded.bytes.length} bytes and the limit is ${maxCaptureBytes}: capture less, or raise the pool's "maxCaptureBytes"`,
    );
  }
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

type Class = { readonly name: string };
type Handle = (value: object) => HandleReference | undefined;

function encode(type: Class, handle: Handle) {
  try {
    return encodeMessage([type], "class", handle);
  } catch (error) {
    if (!(error instanceof ValueRefused)) throw error;
    const [, ...path] = error.path;
    const what = path.length === 0 ? "it" : `its "${path.join(".")}"`;
    throw new BonfireError("CAPTURE_REFUSED", `Cannot ship class ${type.name} as ${what} ${error.reason}`);
  }
}
