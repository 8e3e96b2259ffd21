/**
 * Finds how two outcomes differ, more strictly than `deepStrictEqual`: prototypes, attributes of properties and their
 * order, shared identity, symbols, holes, whether an object can be extended, and where an error was thrown.
 */
import { isDeepStrictEqual, types } from "node:util";

/** The first position in this folder that a stack names: "rows/errors.ts:12". */
const PLACE = /conformance\/((?:rows|support|packages)\/[\w/.-]+?:\d+)/;

/** Where and how they differ, or undefined when they do not. */
export function difference(expected: unknown, actual: unknown): string | undefined {
  return new Comparison().compare(expected, actual, "value");
}

class Comparison {
  readonly #partners = new Map<unknown, unknown>();
  readonly #reverse = new Map<unknown, unknown>();

  compare(expected: unknown, actual: unknown, path: string): string | undefined {
    if (typeof expected === "symbol" && typeof actual === "symbol")
      return this.#symbol(expected, actual, path);
    const isReference = (value: unknown) =>
      (typeof value === "object" && value !== null) || typeof value === "function";
    if (!isReference(expected) || !isReference(actual) || typeof expected === "function") {
      return Object.is(expected, actual) ? undefined : `${path} is ${show(actual)}, not ${show(expected)}`;
    }
    return this.#object(expected as object, actual as object, path);
  }

  /** Whether both stand for each other: true when they are met again, undefined at first. */
  #paired(expected: unknown, actual: unknown): boolean | undefined {
    if (!this.#partners.has(expected) && !this.#reverse.has(actual)) {
      this.#partners.set(expected, actual);
      this.#reverse.set(actual, expected);
      return undefined;
    }
    return this.#partners.get(expected) === actual && this.#reverse.get(actual) === expected;
  }

  #symbol(expected: symbol, actual: symbol, path: string): string | undefined {
    if (expected === actual) return undefined;
    const differs = `${path} is ${String(actual)}, not ${String(expected)}`;
    if (Symbol.keyFor(expected) !== undefined || expected.description !== actual.description) return differs;
    return this.#paired(expected, actual) === false ? `${path} has another identity` : undefined;
  }

  #object(expected: object, actual: object, path: string): string | undefined {
    const paired = this.#paired(expected, actual);
    if (paired !== undefined) return paired ? undefined : `${path} has another identity`;
    if (Array.isArray(expected) !== Array.isArray(actual)) return `${path} is an array on one side only`;
    return (
      this.#prototype(expected, actual, path) ??
      this.#state(expected, actual, path) ??
      this.#properties(expected, actual, path)
    );
  }

  #prototype(expected: object, actual: object, path: string): string | undefined {
    const wanted = Object.getPrototypeOf(expected) as object | null;
    const found = Object.getPrototypeOf(actual) as object | null;
    if (wanted === found) return undefined;
    // An object of the row's own making may be a prototype; a class's is the class's or it is wrong.
    if (wanted === null || found === null || Object.hasOwn(wanted, "constructor")) {
      return `${path} has the prototype ${show(found)} of ${nameOf(found)}, not that of ${nameOf(wanted)}`;
    }
    return this.compare(wanted, found, `${path}.__proto__`);
  }

  /** What is not in the properties. */
  #state(expected: object, actual: object, path: string): string | undefined {
    if (expected instanceof Error && actual instanceof Error) {
      const [wanted, found] = [placeOf(expected), placeOf(actual)];
      return wanted === found
        ? undefined
        : `${path} was thrown at ${found}, not at ${wanted}: ${actual.stack}`;
    }
    if (expected instanceof Map && actual instanceof Map) {
      return this.compare([...expected], [...actual], `${path}(entries)`);
    }
    if (expected instanceof Set && actual instanceof Set) {
      return this.compare([...expected], [...actual], `${path}(members)`);
    }
    if (ArrayBuffer.isView(expected) && ArrayBuffer.isView(actual)) {
      const same = Buffer.from(bytesOf(expected)).equals(bytesOf(actual));
      if (!same) return `${path} has other bytes`;
      const [wanted, found] = [expected.buffer, actual.buffer];
      // Node's pool is behind small Buffers, so that two of them may share memory by chance.
      if (Buffer.isBuffer(expected)) return undefined;
      return this.#paired(wanted, found) === false ? `${path}.buffer has another identity` : undefined;
    }
    const exotic = [URL, URLSearchParams, Headers].find((type) => expected instanceof type);
    if (exotic) {
      const text = (value: object) =>
        JSON.stringify(value instanceof URL ? value.href : [...(value as Iterable<unknown>)]);
      return text(expected) === text(actual)
        ? undefined
        : `${path} is ${text(actual)}, not ${text(expected)}`;
    }
    if (
      types.isAnyArrayBuffer(expected) ||
      types.isBoxedPrimitive(expected) ||
      expected instanceof Date ||
      expected instanceof RegExp
    ) {
      return isDeepStrictEqual(expected, actual)
        ? undefined
        : `${path} is ${show(actual)}, not ${show(expected)}`;
    }
    return undefined;
  }

  #properties(expected: object, actual: object, path: string): string | undefined {
    if (ArrayBuffer.isView(expected)) return undefined;
    for (const test of [Object.isExtensible, Object.isSealed, Object.isFrozen]) {
      if (test(expected) !== test(actual)) return `${path} differs in ${test.name}`;
    }
    const isOwn = (key: PropertyKey) => !(expected instanceof Error && key === "stack");
    const keys = Reflect.ownKeys(expected).filter(isOwn);
    const others = Reflect.ownKeys(actual).filter(isOwn);
    const order = this.#keys(keys, others, path);
    if (order !== undefined) return order;
    for (const [index, key] of keys.entries()) {
      const at = typeof key === "symbol" ? `${path}[${String(key)}]` : `${path}.${key}`;
      const { value: wanted, ...attributes } = Object.getOwnPropertyDescriptor(expected, key)!;
      const { value: found, ...its } = Object.getOwnPropertyDescriptor(actual, others[index]!)!;
      if (!isDeepStrictEqual(attributes, its))
        return `${at} has the attributes ${show(its)}, not ${show(attributes)}`;
      const differs = this.compare(wanted, found, at);
      if (differs !== undefined) return differs;
    }
    return undefined;
  }

  #keys(expected: readonly PropertyKey[], actual: readonly PropertyKey[], path: string): string | undefined {
    const list = (keys: readonly PropertyKey[]) => keys.map(String).join(", ");
    if (list(expected) !== list(actual)) return `${path} has the keys ${list(actual)}, not ${list(expected)}`;
    for (const [index, key] of expected.entries()) {
      const differs = this.compare(key, actual[index], `${path}(key)`);
      if (differs !== undefined) return differs;
    }
    return undefined;
  }
}

function placeOf({ stack }: Error): string | undefined {
  return PLACE.exec(stack ?? "")?.[1];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function nameOf(prototype: object | null): string {
  return prototype === null
    ? "null"
    : String((prototype.constructor as { name?: unknown } | undefined)?.name);
}

function show(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value) ?? typeof value;
    } catch {
      return Object.prototype.toString.call(value);
    }
  }
  return Object.is(value, -0) ? "-0" : typeof value === "string" ? JSON.stringify(value) : String(value);
}
