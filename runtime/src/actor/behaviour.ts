/**
 * What runs an actor's code. The instance keeps its mailbox, lifecycle and monitors and knows neither its class nor
 * its values: arguments and answers are bytes, so that the code may run in this process or, one day, in an isolate.
 */
import type { Context } from "./actor.ts";
import type { Letter } from "./letter.ts";
import type { Reason } from "./reason.ts";
import type { AnyRef } from "./ref.ts";

export interface Behaviour {
  /** The class's name, for whoever looks. */
  readonly type: string;
  /** Whether it wants to hear of linked actors that ended, instead of ending with them. */
  readonly trapsExit: boolean;
  /** Whether the method runs on arrival, whatever else is running. */
  interleaves(method: string): boolean;
  start(context: Context): void | Promise<void>;
  /** Runs the method. Never throws or rejects: a failure is an answer too. */
  handle(letter: Letter): Handled | Promise<Handled>;
  down(who: AnyRef, reason: Reason): void | Promise<void>;
  exit(who: AnyRef, reason: Reason): void | Promise<void>;
  stop(reason: Reason): void | Promise<void>;
}

/** An answer (see `AnswerKind`), or what gives the items of a stream. */
export type Handled = Uint8Array | Source;

export abstract class Source {
  /** The next item, encoded behind `room` free bytes; undefined at the end. Rejects with what was thrown. */
  abstract pull(room: number): Promise<Uint8Array | undefined>;
  /** Nobody wants more: runs the generator's `finally`. Rejects with what that threw. */
  abstract end(): Promise<void>;
}
