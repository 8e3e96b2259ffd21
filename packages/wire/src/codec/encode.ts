/**
 * Values to bytes in one pass over the value. Plain data takes the short way through this file; everything that is
 * not plain goes to encode-exotic.ts.
 */
import { pack } from "../packed.ts";
import { exotic } from "./encode-exotic.ts";
import type { HandleReference, Reference } from "./reference.ts";
import { type PathKey, Refusal, ValueRefused, within } from "./refusal.ts";
import { Tag } from "./tag.ts";
import { Writer } from "./writer.ts";

export interface EncodeOptions {
  /** What the value is called in a refusal: "result", "captures". Default "value". */
  root?: string;
  /**
   * How a function, a class, or the class of an instance travels. Undefined, or none of these: it is refused.
   * It may throw a `Refusal` to say why.
   */
  reference?: (value: object) => Reference | undefined;
  /** How something alive travels; undefined for what is not. It may throw a `Refusal` to say why not. */
  handle?: (value: object) => HandleReference | undefined;
  /** Told the place of every bundle hash in the finished bytes, so that a hash that is not final can be put right. */
  hashAt?: (offset: number, hash: string) => void;
  /** Whether a value is a Proxy, where the realm can tell. */
  isProxy?: (value: object) => boolean;
  /** Memory for the result. Default: a new Uint8Array. */
  allocate?: (size: number) => Uint8Array;
}

/** How many objects are looked up in a list before a map takes over. */
const FEW = 12;
/** How many of the latest shapes of a message a new object is compared with. */
const RECENT_SHAPES = 8;
/** From so many numbers on, msgpackr's loop over them is faster than ours, by four times in the end. */
const MANY_NUMBERS = 64;
const EMPTY = new Uint8Array(0);
const NO_OPTIONS: EncodeOptions = {};
const plainPrototype = Object.prototype;

/** Thrown when a buffer that was sent in part turns out to have a second view: the message is begun anew. */
class SharedBuffer {
  readonly buffer: ArrayBuffer;
  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
  }
}

export class Encoder {
  writer: Writer;
  options: EncodeOptions = NO_OPTIONS;
  /** Buffers that have several views and therefore travel whole. */
  readonly shared = new Set<ArrayBuffer>();
  /** Where bundle hashes stand in the message. */
  readonly hashes: { at: number; hash: string }[] = [];
  /** Buffers of which one view has been sent without the rest. */
  readonly partial = new Set<ArrayBuffer>();
  /** The first objects of the message; a map takes over when there are more. */
  readonly #seen: (object | undefined)[] = new Array(FEW).fill(undefined);
  #numbers: Map<object, number> | undefined;
  #count = 0;
  #shapes: string[][] = [];

  constructor(writer: Writer) {
    this.writer = writer;
  }

  reset(): void {
    this.writer.reset();
    this.options = NO_OPTIONS;
    if (this.#count > 0) {
      // Overwritten rather than cut off, which would make the list grow anew for every message.
      const few = Math.min(this.#count, this.#seen.length);
      for (let index = 0; index < few; index++) this.#seen[index] = undefined;
      this.#numbers = undefined;
      this.#count = 0;
      if (this.#shapes.length > 0) this.#shapes = [];
      if (this.hashes.length > 0) this.hashes.length = 0;
      if (this.partial.size > 0) this.partial.clear();
      if (this.shared.size > 0) this.shared.clear();
    }
  }

  /** Begin the same message again, this time with `buffer` sent whole. */
  restart(buffer: ArrayBuffer): void {
    const { options, shared } = this;
    const whole = [...shared, buffer];
    this.reset();
    this.options = options;
    for (const one of whole) shared.add(one);
  }

  /** Give `value` the next number, or write the number that it has: true when nothing is left to write. */
  known(value: object): boolean {
    const number = this.#numberOf(value);
    if (number !== undefined) {
      this.writer.byte(Tag.seen);
      this.writer.count(number);
      return true;
    }
    const next = this.#count++;
    if (this.#numbers) {
      this.#numbers.set(value, next);
    } else if (next < FEW) {
      this.#seen[next] = value;
    } else {
      this.#numbers = new Map();
      for (let index = 0; index < FEW; index++) this.#numbers.set(this.#seen[index]!, index);
      this.#numbers.set(value, next);
    }
    return false;
  }

  #numberOf(value: object): number | undefined {
    if (this.#numbers) return this.#numbers.get(value);
    for (let index = 0; index < this.#count; index++) if (this.#seen[index] === value) return index;
    return undefined;
  }

  /** Whether `value` is in this message already. */
  has(value: object): boolean {
    return this.#numberOf(value) !== undefined;
  }

  secondView(buffer: ArrayBuffer): never {
    throw new SharedBuffer(buffer);
  }

  value(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.writer.text(value);
        return;
      case "number":
        this.writer.number(value);
        return;
      case "boolean":
        this.writer.byte(value ? Tag.true : Tag.false);
        return;
      case "undefined":
        this.writer.byte(Tag.undefined);
        return;
      case "object":
        if (value === null) this.writer.byte(Tag.null);
        else this.#object(value);
        return;
      default:
        exotic(this, value);
    }
  }

  /** `value`, known in refusals as `key` of what it is in. */
  child(value: unknown, key: PathKey): void {
    try {
      this.value(value);
    } catch (error) {
      throw within(error, key);
    }
  }

  #object(value: object): void {
    if (this.options.isProxy?.(value)) {
      throw new Refusal("is a Proxy: pass its target or a plain copy");
    }
    if (this.known(value)) return;
    const prototype = Object.getPrototypeOf(value);
    if (prototype === plainPrototype) {
      if (this.#plain(value)) return;
    } else if (prototype === Array.prototype && Array.isArray(value)) {
      if (this.#denseArray(value)) return;
    }
    exotic(this, value, prototype, true);
  }

  /** False, with nothing written, when the object has more than enumerable data properties. */
  #plain(value: object): boolean {
    const keys = Object.keys(value);
    const { length } = keys;
    if (
      Object.getOwnPropertyNames(value).length !== length ||
      !Object.isExtensible(value) ||
      Object.getOwnPropertySymbols(value).length !== 0
    ) {
      return false;
    }
    const values = new Array<unknown>(length);
    for (let index = 0; index < length; index++) {
      const property = Object.getOwnPropertyDescriptor(value, keys[index]!)!;
      if (
        property.get !== undefined ||
        property.set !== undefined ||
        !property.writable ||
        !property.configurable
      ) {
        return false;
      }
      values[index] = property.value;
    }
    this.#shape(keys);
    let index = 0;
    try {
      for (; index < length; index++) this.value(values[index]);
    } catch (error) {
      throw within(error, keys[index]!);
    }
    return true;
  }

  #shape(keys: string[]): void {
    const shapes = this.#shapes;
    const { writer } = this;
    const oldest = Math.max(0, shapes.length - RECENT_SHAPES);
    for (let number = shapes.length - 1; number >= oldest; number--) {
      if (sameKeys(shapes[number]!, keys)) {
        writer.byte(Tag.shaped);
        writer.count(number);
        return;
      }
    }
    shapes.push(keys);
    writer.byte(Tag.object);
    writer.count(keys.length);
    for (const key of keys) writer.text(key);
  }

  /** An object without keys, whose properties follow in another form. */
  emptyShape(): void {
    this.#shape([]);
  }

  /** False, with nothing written, when the array has holes, named properties, or is not extensible. */
  #denseArray(value: readonly unknown[]): boolean {
    const { length } = value;
    const keys = Object.keys(value);
    if (keys.length !== length || (length > 0 && keys[length - 1] !== String(length - 1))) return false;
    if (!Object.isExtensible(value) || Object.getOwnPropertySymbols(value).length !== 0) return false;
    if (length >= MANY_NUMBERS && allNumbers(value)) {
      this.writer.byte(Tag.numbers);
      this.writer.binary(pack(value));
      return true;
    }
    this.writer.byte(Tag.array);
    this.writer.count(length);
    let index = 0;
    try {
      for (; index < length; index++) this.value(value[index]);
    } catch (error) {
      throw within(error, index);
    }
    return true;
  }
}

/** Numbers that msgpackr keeps, which -0 is not. */
function allNumbers(list: readonly unknown[]): boolean {
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (typeof item !== "number" || (item === 0 && 1 / item < 0)) return false;
  }
  return true;
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

const standing = new Encoder(new Writer());
let busy = false;

/**
 * The bytes of `value`, in memory of their own. `undefined` is no bytes at all.
 * @throws BonfireError VALUE_REFUSED when something in it cannot travel; the message names its path.
 */
export function encode(value: unknown, options: EncodeOptions = NO_OPTIONS): Uint8Array {
  if (value === undefined) return EMPTY;
  // A reference hook may encode something itself while a message is being written.
  const encoder = busy ? new Encoder(new Writer()) : standing;
  const nested = busy;
  busy = true;
  encoder.options = options;
  try {
    for (;;) {
      try {
        encoder.value(value);
        break;
      } catch (error) {
        if (!(error instanceof SharedBuffer)) throw error;
        encoder.restart(error.buffer);
      }
    }
    const bytes = encoder.writer.finish(options.allocate);
    if (options.hashAt) for (const { at, hash } of encoder.hashes) options.hashAt(at, hash);
    return bytes;
  } catch (error) {
    throw refused(error, options.root ?? "value");
  } finally {
    encoder.reset();
    busy = nested;
  }
}

function refused(error: unknown, root: string): unknown {
  if (error instanceof Refusal) return new ValueRefused(root, error);
  if (error instanceof RangeError && /call stack/i.test(error.message)) {
    return new ValueRefused(root, new Refusal("is nested too deeply: pass a flatter structure"));
  }
  return error;
}
