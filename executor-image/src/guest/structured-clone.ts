/**
 * `structuredClone` for the isolate, which has no serializer of its own: the algorithm of the HTML standard over the
 * types that exist here.
 */
type Refuse = (value: unknown) => never;

/** Objects of Node's library, which say themselves whether and how they are cloned. */
export interface PlatformObjects {
  /** `undefined` for what is no such object, else bits of which 2 means that it can be cloned. */
  modeOf(value: object): number | undefined;
  clone(value: object): object;
  isTransferable(value: object): boolean;
  /** The object in its new place, `undefined` if it cannot be moved any more. */
  transfer(value: object): object | undefined;
}

const CLONEABLE = 2;

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

class Cloner {
  readonly #seen = new Map<object, unknown>();
  readonly #platform: PlatformObjects;
  readonly #refuse: Refuse;

  constructor(platform: PlatformObjects, refuse: Refuse) {
    this.#platform = platform;
    this.#refuse = refuse;
  }

  /** Has every mention of `from` be `to` in the clone. */
  give(from: object, to: object): void {
    this.#seen.set(from, to);
  }

  clone(value: unknown): unknown {
    if (typeof value === "function" || typeof value === "symbol") return this.#refuse(value);
    if (typeof value !== "object" || value === null) return value;
    const known = this.#seen.get(value);
    return known !== undefined ? known : this.#object(value);
  }

  #remember<T extends object>(from: object, to: T): T {
    this.#seen.set(from, to);
    return to;
  }

  #object(value: object): unknown {
    const mode = this.#platform.modeOf(value);
    if (mode !== undefined) {
      if ((mode & CLONEABLE) === 0) return this.#refuse(value);
      return this.#remember(value, this.#platform.clone(value));
    }
    if (ArrayBuffer.isView(value)) return this.#remember(value, this.#view(value));
    if ((Error as unknown as { isError(value: unknown): boolean }).isError(value))
      return this.#error(value as Error);
    switch (tagOf(value)) {
      case "Date":
        return this.#remember(value, new Date((value as Date).getTime()));
      case "RegExp":
        return this.#remember(value, new RegExp((value as RegExp).source, (value as RegExp).flags));
      case "Boolean":
      case "Number":
      case "String":
      case "BigInt":
        return this.#remember(value, Object((value as { valueOf(): unknown }).valueOf()) as object);
      case "ArrayBuffer":
        return this.#remember(value, (value as ArrayBuffer).slice(0));
      case "SharedArrayBuffer":
        return value;
      case "Map": {
        const copy = this.#remember(value, new Map<unknown, unknown>());
        for (const [key, item] of [...(value as Map<unknown, unknown>)])
          copy.set(this.clone(key), this.clone(item));
        return copy;
      }
      case "Set": {
        const copy = this.#remember(value, new Set<unknown>());
        for (const item of [...(value as Set<unknown>)]) copy.add(this.clone(item));
        return copy;
      }
      case "WeakMap":
      case "WeakSet":
      case "WeakRef":
      case "Promise":
      case "Generator":
      case "AsyncGenerator":
        return this.#refuse(value);
      default:
        return this.#properties(value);
    }
  }

  #properties(value: object): unknown {
    const copy = this.#remember(value, Array.isArray(value) ? new Array<unknown>(value.length) : {});
    for (const key of Object.keys(value)) {
      Object.defineProperty(copy, key, {
        value: this.clone((value as Record<string, unknown>)[key]),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return copy;
  }

  #view(view: ArrayBufferView): object {
    const buffer = this.clone(view.buffer) as ArrayBuffer;
    if (view instanceof DataView) return new DataView(buffer, view.byteOffset, view.byteLength);
    const tag = tagOf(view);
    const Kind = (globalThis as unknown as Record<string, Uint8ArrayConstructor>)[tag] ?? Uint8Array;
    return new Kind(buffer, view.byteOffset, (view as Uint8Array).length);
  }

  #error(error: Error): Error {
    const Kind = ERRORS[error.name] ?? Error;
    const copy = this.#remember(error, new Kind());
    const own: Record<string, unknown> = { stack: error.stack };
    if (Object.hasOwn(error, "message")) own.message = String(error.message);
    if (Object.hasOwn(error, "cause")) own.cause = this.clone(error.cause);
    for (const [key, item] of Object.entries(own)) {
      Object.defineProperty(copy, key, {
        value: item,
        writable: true,
        enumerable: false,
        configurable: true,
      });
    }
    return copy;
  }
}

/** Makes the global function; `refuse` throws the DataCloneError. */
export function structuredCloneWith(platform: PlatformObjects, refuse: Refuse) {
  /** `received` gets what was transferred and is no buffer, in its new form. */
  return function structuredClone(
    value: unknown,
    options?: { transfer?: readonly object[] },
    received?: (transferred: object) => void,
  ): unknown {
    const transfer = options?.transfer ?? [];
    const cloner = new Cloner(platform, refuse);
    for (const item of transfer) {
      if (platform.isTransferable(item)) {
        const moved = platform.transfer(item) ?? refuse(item);
        cloner.give(item, moved);
        received?.(moved);
      } else if (!(item instanceof ArrayBuffer)) return refuse(item);
    }
    const result = cloner.clone(value);
    // Cloned first, then detached: a clone that is refused half way must not lose the caller's buffers.
    for (const item of transfer) if (item instanceof ArrayBuffer) item.transfer();
    return result;
  };
}
