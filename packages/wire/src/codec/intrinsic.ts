/**
 * The objects that every realm has its own copy of, by path: `Math.max` captured here is `Math.max` there.
 * The table is made when the first function or exotic object is met, and holds nothing that a message could add.
 */
const ROOTS = [
  ..."Object Function Array Number String Boolean Symbol BigInt Math JSON Reflect Promise Proxy Map Set WeakMap".split(
    " ",
  ),
  ..."WeakSet WeakRef FinalizationRegistry Date RegExp Error TypeError RangeError SyntaxError ReferenceError".split(
    " ",
  ),
  ..."EvalError URIError AggregateError SuppressedError DisposableStack AsyncDisposableStack Iterator".split(
    " ",
  ),
  ..."ArrayBuffer SharedArrayBuffer DataView Atomics Int8Array Uint8Array Uint8ClampedArray Int16Array".split(
    " ",
  ),
  ..."Uint16Array Int32Array Uint32Array Float16Array Float32Array Float64Array BigInt64Array".split(" "),
  ..."BigUint64Array Intl WebAssembly parseInt parseFloat isNaN isFinite encodeURIComponent".split(" "),
  ..."decodeURIComponent encodeURI decodeURI escape unescape eval globalThis console process structuredClone".split(
    " ",
  ),
  ..."queueMicrotask setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate atob btoa".split(
    " ",
  ),
  ..."URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal Event EventTarget".split(" "),
  ..."DOMException Blob File FormData Headers Request Response fetch crypto performance Buffer".split(" "),
  ..."ReadableStream WritableStream TransformStream".split(" "),
];
/** Only their identity travels: their members are the realm's own affair. */
const OPAQUE = new Set(["globalThis", "process", "console", "crypto", "performance"]);
const DEPTH = 3;

let pathOf: Map<object, string> | undefined;
let objectAt: Map<string, object> | undefined;

function build(): void {
  const paths = new Map<object, string>();
  const objects = new Map<string, object>();
  const visit = (value: unknown, path: string, depth: number): void => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
    objects.set(path, value);
    if (paths.has(value)) return;
    paths.set(value, path);
    if (depth === DEPTH || OPAQUE.has(path)) return;
    for (const name of Object.getOwnPropertyNames(value)) {
      if (/^(caller|callee|arguments|constructor)$/.test(name) || !/^[\w$]+$/.test(name)) continue;
      const property = Object.getOwnPropertyDescriptor(value, name);
      if (property && "value" in property) visit(property.value, `${path}.${name}`, depth + 1);
    }
  };
  // Shallow first, so that Array is "Array" and not a member of something that was visited earlier.
  const globals = globalThis as Record<string, unknown>;
  for (const name of ROOTS) {
    const value = globals[name];
    if (value !== null && (typeof value === "object" || typeof value === "function") && !paths.has(value)) {
      paths.set(value, name);
      objects.set(name, value);
    }
  }
  for (const name of ROOTS) {
    const value = globals[name];
    if (value === undefined || OPAQUE.has(name)) continue;
    for (const member of Object.getOwnPropertyNames(value)) {
      if (/^(caller|callee|arguments|constructor)$/.test(member) || !/^[\w$]+$/.test(member)) continue;
      const property = Object.getOwnPropertyDescriptor(value, member);
      if (property && "value" in property) visit(property.value, `${name}.${member}`, 1);
    }
  }
  pathOf = paths;
  objectAt = objects;
}

/** The path under which every realm knows `value`, or undefined. */
export function intrinsicPath(value: object): string | undefined {
  if (!pathOf) build();
  return pathOf!.get(value);
}

/** What this realm has at `path`, or undefined. */
export function intrinsicAt(path: string): object | undefined {
  if (!objectAt) build();
  return objectAt!.get(path);
}
