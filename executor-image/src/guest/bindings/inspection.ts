/** The natives under `node:util` and Node's internal helpers: property listing, lazy properties, constructor names. */
import type { Binding } from "./binding.ts";
import { nothing } from "./binding.ts";
import { promiseDetails } from "./promise-states.ts";

const INDEX = /^(?:0|[1-9]\d*)$/;
const ONLY_ENUMERABLE = 2;

function ownNonIndexProperties(object: object, filter: number): PropertyKey[] {
  const keys = Reflect.ownKeys(object).filter((key) => typeof key === "symbol" || !INDEX.test(key as string));
  if (filter !== ONLY_ENUMERABLE) return keys;
  return keys.filter((key) => Object.prototype.propertyIsEnumerable.call(object, key));
}

function constructorName(object: object): string {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const own = Object.getOwnPropertyDescriptor(at, "constructor");
    if (typeof own?.value === "function" && own.value.name !== "") return own.value.name as string;
  }
  return "";
}

function previewEntries(object: Iterable<unknown>, wantsKind: boolean): unknown {
  const copy = cloneIterator(object);
  const entries = [...copy];
  const paired =
    Object.prototype.toString.call(object) === "[object Map Iterator]" && entries.every(Array.isArray);
  const flat = paired ? entries.flat() : entries;
  return wantsKind ? [flat, paired] : flat;
}

/** Collections are listed anew; an iterator can only be consumed, so its inspection shows and spends it. */
function cloneIterator(object: Iterable<unknown>): Iterable<unknown> {
  return typeof object[Symbol.iterator] === "function" ? object : [];
}

class WeakReference {
  readonly #target: object;
  constructor(target: object) {
    this.#target = target;
  }
  get(): object {
    return this.#target;
  }
  incRef = nothing;
  decRef = nothing;
}

export function utilBinding(
  privateSymbols: Record<string, symbol>,
  requireInternal: (id: string) => any,
): Binding {
  return {
    constants: {
      kPending: 0,
      kFulfilled: 1,
      kRejected: 2,
      kExiting: 0,
      kExitCode: 1,
      kHasExitCode: 2,
      ALL_PROPERTIES: 0,
      ONLY_WRITABLE: 1,
      ONLY_ENUMERABLE,
      ONLY_CONFIGURABLE: 4,
      SKIP_STRINGS: 8,
      SKIP_SYMBOLS: 16,
      kDisallowCloneAndTransfer: 0,
      kTransferable: 1,
      kCloneable: 2,
    },
    privateSymbols,
    shouldAbortOnUncaughtToggle: [0],
    isInsideNodeModules: () => false,
    isConstructor: (value: unknown) => {
      try {
        Reflect.construct(Object, [], value as () => void);
        return true;
      } catch {
        // Reflect.construct refuses anything that is no constructor.
        return false;
      }
    },
    defineLazyProperties(target: object, id: string, keys: string[], enumerable = true) {
      for (const key of keys) defineLazy(target, key, enumerable, () => requireInternal(id)[key]);
    },
    getPromiseDetails: promiseDetails,
    getProxyDetails: nothing,
    getCallerLocation: nothing,
    previewEntries,
    getOwnNonIndexProperties: ownNonIndexProperties,
    getConstructorName: constructorName,
    getExternalValue: nothing,
    getCallSites: () => [],
    sleep: nothing,
    guessHandleType: () => "UNKNOWN",
    toUSVString: (text: unknown) => String(text).toWellFormed(),
    parseEnv: () => ({}),
    arrayBufferViewHasBuffer: () => true,
    isArrayBufferDetached: (buffer: ArrayBuffer) => buffer.detached,
    WeakReference,
    getSystemErrorName: (number: number) => requireInternal("internal/util").getSystemErrorName(number),
  };
}

/** A property whose value is computed when it is first read; assignment replaces it. */
export function defineLazy(
  target: object,
  key: PropertyKey,
  enumerable: boolean,
  compute: () => unknown,
): void {
  const settle = (value: unknown) =>
    Object.defineProperty(target, key, { value, writable: true, enumerable, configurable: true });
  Object.defineProperty(target, key, {
    enumerable,
    configurable: true,
    get() {
      const value = compute();
      settle(value);
      return value;
    },
    set: settle,
  });
}
