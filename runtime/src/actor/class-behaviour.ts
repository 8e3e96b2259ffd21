/** Runs an actor that is an object of this process. */
import { BonfireError, type DecodeOptions, decode } from "@bonfire/wire";
import { Actor, type Context } from "./actor.ts";
import { type Behaviour, type Handled, Source } from "./behaviour.ts";
import { packError, packItem, packRefusal, packValue } from "./envelope.ts";
import type { Letter } from "./letter.ts";
import { type MethodTable, methodTable } from "./method-table.ts";
import type { Reason } from "./reason.ts";
import type { AnyRef } from "./ref.ts";

const NO_ARGUMENTS: unknown[] = [];

export class ClassBehaviour implements Behaviour {
  readonly #actor: Actor;
  readonly #table: MethodTable;
  readonly #decoding: DecodeOptions;

  /** Throws `INVALID_ACTOR`. */
  constructor(actor: Actor, decoding: DecodeOptions) {
    this.#actor = actor;
    this.#table = methodTable(actor.constructor as never);
    this.#decoding = decoding;
  }

  get type(): string {
    return this.#actor.constructor.name;
  }

  get trapsExit(): boolean {
    return this.#table.trapsExit;
  }

  interleaves(method: string): boolean {
    return this.#table.reentrant.has(method);
  }

  start(context: Context): void | Promise<void> {
    Actor.enter(this.#actor, context);
    return this.#actor.onStart();
  }

  handle(letter: Letter): Handled | Promise<Handled> {
    const method = this.#table.methods.get(letter.method);
    if (!method) {
      return packRefusal(
        new BonfireError("NO_SUCH_METHOD", `${this.type} has no public method "${letter.method}"`),
      );
    }
    let args: unknown[];
    try {
      args = letter.args.length === 0 ? NO_ARGUMENTS : (decode(letter.args, this.#decoding) as unknown[]);
    } catch (error) {
      return packRefusal(error as BonfireError);
    }
    try {
      const outcome = method.apply(this.#actor, args);
      if (typeof outcome !== "object" || outcome === null) return answer(letter, outcome);
      if (typeof (outcome as PromiseLike<unknown>).then !== "function") return answer(letter, outcome);
      return Promise.resolve(outcome).then(
        (value) => answer(letter, value),
        (error: unknown) => packError(error),
      );
    } catch (error) {
      return packError(error);
    }
  }

  down(who: AnyRef, reason: Reason): void | Promise<void> {
    return this.#actor.onDown(who, reason);
  }

  exit(who: AnyRef, reason: Reason): void | Promise<void> {
    return this.#actor.onExit(who, reason);
  }

  stop(reason: Reason): void | Promise<void> {
    return this.#actor.onStop(reason);
  }
}

function answer(letter: Letter, value: unknown): Handled {
  const iterate = (value as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator];
  if (typeof iterate === "function") return new IteratorSource(iterate.call(value));
  if (!letter.asked) return packValue(undefined);
  try {
    return packValue(value);
  } catch (error) {
    // What it did is done; only the outcome cannot leave.
    return packRefusal(error as BonfireError);
  }
}

class IteratorSource extends Source {
  readonly #iterator: AsyncIterator<unknown>;

  constructor(iterator: AsyncIterator<unknown>) {
    super();
    this.#iterator = iterator;
  }

  async pull(room: number): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#iterator.next();
    return done ? undefined : packItem(value, room);
  }

  async end(): Promise<void> {
    await this.#iterator.return?.();
  }
}
