/**
 * The objects of host modules that one call holds, by number. The guest numbers what its own actions give (1, 2, …),
 * so that it can act on a result before there is one; objects inside of results are numbered here (-1, -2, …).
 */
import { types } from "node:util";
import { BonfireError } from "@bonfire/wire";
import type { Outcome } from "./ability.ts";
import { Held } from "./held.ts";
import { HostCallbacks } from "./host-callbacks.ts";
import { permitted, readMember, writeMember } from "./host-members.ts";
import { joinParts, packValue, type Reference, unpackValue } from "./host-values.ts";

const MOST_OBJECTS = 10_000;

export type Action = "call" | "new" | "get" | "set" | "iterate";

/** An object by its number, or a module by its name. */
export type Target = number | string;

/** Something to do to what `path` leads to from `target`; `args` is packed. */
export interface Act {
  readonly action: Action;
  readonly target: Target;
  readonly path: readonly unknown[];
  readonly args: unknown;
}

export class HostObjects {
  readonly callbacks = new HostCallbacks(
    (value) => this.#pack(value),
    (packed, block) => this.#unpack(packed, block),
  );
  readonly #load: (specifier: string) => Promise<object>;
  readonly #held = new Map<number, Held>();
  #lastNumber = 0;

  /** `load` gives the namespace of a module, or throws if it is not granted. */
  constructor(load: (specifier: string) => Promise<object>) {
    this.#load = load;
  }

  /** The result, or the error, becomes object `number`. */
  act(number: number, { action, target, path, args }: Act, block: Uint8Array): void {
    // Too many: whoever asks for the result learns it.
    if (this.#held.size >= MOST_OBJECTS || this.#held.has(number)) return;
    this.#held.set(
      number,
      new Held(() => {
        const given = this.#arguments(args, block);
        const held = this.#find(target);
        const act = (list: unknown[]) => held.use((value) => perform(action, value, path, list));
        return types.isPromise(given) ? given.then(act) : act(given);
      }),
    );
  }

  /** The value of an object: data by copy, which ends the object, or a reference to it. */
  async settle(number: number): Promise<Outcome> {
    const value = await this.#find(number).use((value) => value);
    this.#held.delete(number);
    return this.#pack(value, number);
  }

  /** Lets go of an object; `dispose` also ends it in its own way, where it has one. */
  async release(number: number, dispose: boolean): Promise<void> {
    const held = this.#held.get(number);
    this.#held.delete(number);
    if (held === undefined || !dispose) return;
    const value = (await held.use((value) => value)) as Partial<Disposable & AsyncDisposable> | undefined;
    await (value?.[Symbol.asyncDispose] ?? value?.[Symbol.dispose])?.call(value);
  }

  /** Lets go of everything; returns the errors that nobody has seen. */
  end(): unknown[] {
    const unseen = [...this.#held.values()].flatMap((held) => held.unseen());
    this.#held.clear();
    this.callbacks.end();
    return unseen;
  }

  #find(target: Target): Held {
    if (typeof target === "string") return new Held(() => this.#load(target));
    const held = this.#held.get(target);
    if (held !== undefined) return held;
    throw this.#held.size >= MOST_OBJECTS
      ? new BonfireError(
          "HOST_OBJECT_LIMIT",
          `Cannot keep more than ${MOST_OBJECTS} objects of host modules in one call: release them by "using", or by their Symbol.dispose`,
        )
      : new BonfireError(
          "HOST_OBJECT_GONE",
          "Cannot use this object of a host module as it was released, or its value has been awaited, or its call has ended: use the awaited value, or make it again",
        );
  }

  /** `number` is kept for the value itself if it is no data. */
  #pack(value: unknown, number?: number): Outcome {
    const result = packValue(permitted(value), Buffer, (object): Reference => {
      const kept = object === value && number !== undefined ? number : --this.#lastNumber;
      if (this.#held.size < MOST_OBJECTS) {
        const held = permitted(object);
        this.#held.set(kept, new Held(() => held));
      }
      return ["h", kept];
    });
    const bytes = joinParts(result);
    return bytes === undefined ? { value: result.packed } : { value: result.packed, bytes };
  }

  /** The arguments, once those among them that are results themselves are there. */
  #arguments(packed: unknown, block: Uint8Array): unknown[] | Promise<unknown[]> {
    const waits: Promise<unknown>[] = [];
    const given = this.#unpack(packed, block, waits) as unknown[];
    if (waits.length === 0) return given;
    return Promise.all(waits).then(() => this.#unpack(packed, block) as unknown[]);
  }

  #unpack(packed: unknown, block: Uint8Array, waits?: Promise<unknown>[]): unknown {
    return unpackValue(packed, block, Buffer, ([kind, number]) => {
      if (kind === "f") return this.callbacks.of(number);
      const value = this.#find(number).use((value) => value);
      if (types.isPromise(value)) waits?.push(value);
      return value;
    });
  }
}

function perform(action: Action, from: unknown, path: readonly unknown[], args: unknown[]): unknown {
  if (path.length === 0 && (action === "call" || action === "new")) {
    const callee = types.isModuleNamespaceObject(from) ? (from as { default?: unknown }).default : from;
    return action === "call" ? call(callee, undefined, args, path) : construct(callee, args, path);
  }
  if (action === "call" || action === "set") {
    const receiver = path.slice(0, -1).reduce(member, from);
    if (action === "call") return call(member(receiver, path.at(-1)), receiver, args, path);
    return writeMember(receiver, path.at(-1), args[0]);
  }
  const value = path.reduce(member, from);
  if (action === "new") return construct(value, args, path);
  return action === "iterate" ? iterator(value, path) : value;
}

/** As `readMember`; of a module, what is no export of its own is looked for in its default one, as in CommonJS. */
function member(object: unknown, key: unknown): unknown {
  if (types.isModuleNamespaceObject(object) && !Object.hasOwn(object as object, key as string)) {
    return readMember((object as { default?: unknown }).default, key);
  }
  return readMember(object, key);
}

function call(callee: unknown, receiver: unknown, args: unknown[], path: readonly unknown[]): unknown {
  if (typeof callee === "function") return permitted(Reflect.apply(permitted(callee), receiver, args));
  throw new TypeError(`${shown(path)} is not a function`);
}

function construct(made: unknown, args: unknown[], path: readonly unknown[]): unknown {
  if (typeof made === "function") return Reflect.construct(permitted(made), args);
  throw new TypeError(`${shown(path)} is not a constructor`);
}

function iterator(value: unknown, path: readonly unknown[]): unknown {
  const iterable = value as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  const made = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.();
  if (made !== undefined) return made;
  throw new TypeError(`${shown(path)} is not iterable`);
}

function shown(path: readonly unknown[]): string {
  return path.length === 0 ? "This object of a host module" : path.join(".");
}
