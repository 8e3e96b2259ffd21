/** Bytes to values: the other half of encode.ts. Plain data is read here, the rest in decode-exotic.ts. */

import { BonfireError } from "../error.ts";
import { unpack } from "../packed.ts";
import { exotic } from "./decode-exotic.ts";
import { malformed, Reader } from "./reader.ts";
import type { Callable, ShipModule } from "./reference.ts";
import { SHORT_TEXT, Tag } from "./tag.ts";
import { readAscii } from "./text.ts";

export interface DecodeOptions {
  /**
   * The loaded bundle with this hash. Without it the receiver takes no code: functions are refused, and an instance
   * of a class that came from elsewhere becomes a plain object under the class's name.
   */
  module?: (hash: string) => ShipModule;
  /**
   * A class of the receiver's own, by its key and the hash of the bundle that had it, for instances that come without
   * their bundle. With it, an instance whose class it does not know is refused; an error then is of its built-in base,
   * under the name of its class.
   */
  class?: (key: string, hash: string) => Callable | undefined;
  /** What becomes of each error's stack. Default: it stays as it is. */
  stack?: (stack: string) => string;
  /** Node builtins of this realm, for functions such as `fs.readFile` that travel by name. */
  require?: (specifier: string) => unknown;
  /** What stands here for something alive over there. Without it a message must hold none. */
  handle?: (kind: number, id: number, detail: unknown) => unknown;
  /** Given to closures among the values, so that what they log has a call. Default: the realm's own console. */
  console?: Console;
}

const NO_OPTIONS: DecodeOptions = {};

export class Decoder {
  readonly reader: Reader;
  readonly options: DecodeOptions;
  /** Every object of the message in the order in which it began. */
  readonly objects: unknown[] = [];
  /** What has to wait until the whole message is there: freezing, and closures that capture each other. */
  readonly later: (() => void)[] = [];
  readonly #shapes: (readonly string[])[] = [];

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.reader = new Reader(bytes);
    this.options = options;
  }

  value(): unknown {
    const { reader } = this;
    const tag = reader.byte();
    if (tag < SHORT_TEXT) return tag;
    if (tag < Tag.undefined) {
      const size = tag - SHORT_TEXT;
      const start = reader.take(size);
      return readAscii(reader.bytes, start, start + size);
    }
    switch (tag) {
      case Tag.undefined:
        return undefined;
      case Tag.null:
        return null;
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.int32:
        return reader.view.getInt32(reader.take(4), true);
      case Tag.float64:
        return reader.float();
      case Tag.text:
        return reader.longText();
      case Tag.array:
        return this.#array();
      case Tag.numbers:
        return this.#numbers();
      case Tag.object:
        return this.#object(this.#newShape());
      case Tag.shaped:
        return this.#object(this.#shapes[reader.count()] ?? this.#noShape());
      case Tag.seen:
        return this.#seen();
      default:
        return exotic(this, tag);
    }
  }

  #seen(): unknown {
    const number = this.reader.count();
    if (number >= this.objects.length) throw malformed("it refers to an object that it has not brought");
    return this.objects[number];
  }

  #array(): unknown[] {
    const length = this.reader.length();
    const array: unknown[] = [];
    this.objects.push(array);
    for (let index = 0; index < length; index++) array.push(this.value());
    return array;
  }

  #numbers(): unknown[] {
    const list = unpack(this.reader.binary());
    if (!Array.isArray(list)) throw malformed("a list of numbers in it is none");
    this.objects.push(list);
    return list;
  }

  #newShape(): readonly string[] {
    const { reader } = this;
    const length = reader.length();
    const keys: string[] = [];
    for (let index = 0; index < length; index++) keys.push(reader.text());
    this.#shapes.push(keys);
    return keys;
  }

  #noShape(): never {
    throw malformed("it refers to a shape that it has not brought");
  }

  #object(keys: readonly string[]): object {
    const object: Record<string, unknown> = {};
    this.objects.push(object);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      if (key === "__proto__") define(object, key, this.value());
      else object[key] = this.value();
    }
    return object;
  }

  finish(): void {
    for (const step of this.later) step();
    if (this.reader.position !== this.reader.end) throw malformed("there are bytes after its end");
  }
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}

/**
 * The value of `bytes`; everything in it is in memory of its own. No bytes are `undefined`.
 * @throws BonfireError MALFORMED_VALUE when the bytes are not a value, VALUE_REFUSED when this realm cannot have it.
 */
export function decode(bytes: Uint8Array, options: DecodeOptions = NO_OPTIONS): unknown {
  if (bytes.length === 0) return undefined;
  const decoder = new Decoder(bytes, options);
  try {
    const value = decoder.value();
    decoder.finish();
    return value;
  } catch (error) {
    if (error instanceof RangeError && /call stack/i.test(error.message)) {
      throw new BonfireError("MALFORMED_VALUE", "Cannot read a value as it is nested too deeply", {
        cause: error,
      });
    }
    throw error;
  }
}
