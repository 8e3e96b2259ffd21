/** One call from the moment it is made until its caller has an answer. */
import type { BonfireError } from "@bonfire/wire";
import { Question } from "../bus/inbox.ts";
import type { Bundle } from "../closure/bundle.ts";
import type { Closure } from "../closure/capture.ts";
import type { CellLink } from "./cell-link.ts";

export type CallPhase =
  | { readonly name: "waiting" }
  /** On its way to the cell or running there. */
  | { readonly name: "running"; readonly cell: CellLink }
  /** It has run; its large value is on its way. */
  | { readonly name: "receiving"; readonly cell: CellLink }
  | { readonly name: "settled" };

/** What a call asks of the pool it belongs to. */
export interface CallHost {
  /** The call's caller needs it no longer; it is in this phase. */
  abandoned(call: Call, phase: CallPhase, reason: unknown): void;
  /** The cell that should have run it does not exist, so it did not run. */
  undelivered(call: Call, cell: CellLink): void;
  /** The caller has its answer. */
  settled(): void;
  /** The work has ended: the slot is free. */
  ended(cell: CellLink): void;
  /** Whether the reply says that the cell lacks the call's bundles, so that it has to be sent again. */
  mustReload(kind: number, body: Uint8Array): boolean;
  /** The value of a reply, or a promise of it. Throws a `RemoteFailure` if the code threw. */
  revive(kind: number, body: Uint8Array, cell: CellLink): unknown;
  /** The error that the caller gets, given the caller's stack. */
  located(call: Call, error: unknown, callSite: string | undefined): unknown;
  timedOut(call: Call, phase: CallPhase): BonfireError;
}

export interface CallParts {
  readonly closure: Closure;
  readonly args: Uint8Array;
  readonly bundles: readonly Bundle[];
  /** How long the caller gave it, in ms. */
  readonly budget: number;
  /** performance.now() at which that is over. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
}

export class Call extends Question {
  readonly id: number;
  readonly closure: Closure;
  readonly args: Uint8Array;
  readonly bundles: readonly Bundle[];
  readonly budget: number;
  readonly deadlineAt: number;
  readonly promise: Promise<unknown>;
  readonly #host: CallHost;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #phase: CallPhase = { name: "waiting" };
  #reloaded = false;

  constructor(id: number, host: CallHost, { closure, args, bundles, budget, deadlineAt, signal }: CallParts) {
    super();
    this.id = id;
    this.closure = closure;
    this.args = args;
    this.bundles = bundles;
    this.budget = budget;
    this.deadlineAt = deadlineAt;
    this.#host = host;
    this.#signal = signal;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // This handler runs as a step of the caller's own await, so an Error made in it knows the caller's frames; making
    // one at each call, in case it fails, would cost twenty times as much.
    this.promise = promise.catch((error: unknown) => {
      throw host.located(this, error, new Error("called here").stack);
    });
    this.#resolve = resolve;
    this.#reject = reject;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get phase(): CallPhase {
    return this.#phase;
  }

  get settled(): boolean {
    return this.#phase.name === "settled";
  }

  /** It has a slot in `cell`. */
  assigned(cell: CellLink): void {
    this.#phase = { name: "running", cell };
  }

  /** It lost its slot before it ran. */
  returned(): void {
    this.#phase = { name: "waiting" };
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.#settle();
    this.#reject(error);
  }

  /** It could not be sent: it fails, and its slot is free again. */
  unsent(cell: CellLink, error: unknown): void {
    this.fail(error);
    this.#host.ended(cell);
  }

  override onReply(data: Uint8Array): void {
    const phase = this.#phase;
    if (phase.name !== "running") return;
    const { cell } = phase;
    const kind = data[0] ?? 0;
    const body = data.subarray(1);
    if (!this.#reloaded && this.#host.mustReload(kind, body)) {
      this.#reloaded = true;
      return cell.resend(this);
    }
    try {
      const value = this.#host.revive(kind, body, cell);
      if (value instanceof Promise) return this.#receive(value, cell);
      this.#settle();
      this.#resolve(value);
    } catch (error) {
      this.#settle();
      this.#reject(error);
    }
    this.#ended(cell);
  }

  /** A large value comes as a transfer, which ends by itself if it stalls; the call is not over before it is. */
  #receive(value: Promise<unknown>, cell: CellLink): void {
    this.#phase = { name: "receiving", cell };
    value
      .then(
        (whole) => {
          if (this.settled) return;
          this.#settle();
          this.#resolve(whole);
        },
        (error) => this.fail(error),
      )
      .finally(() => this.#ended(cell));
  }

  #ended(cell: CellLink): void {
    if (cell.inFlight.delete(this)) this.#host.ended(cell);
  }

  override onNobody(): void {
    if (this.#phase.name === "running") this.#host.undelivered(this, this.#phase.cell);
  }

  override onExpire(): void {
    this.#abandon(this.#host.timedOut(this, this.#phase));
  }

  readonly #onAbort = (): void => this.#abandon(this.#signal?.reason);

  #abandon(reason: unknown): void {
    const phase = this.#phase;
    if (phase.name === "settled") return;
    this.fail(reason);
    this.#host.abandoned(this, phase, reason);
  }

  #settle(): void {
    this.#phase = { name: "settled" };
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#host.settled();
  }
}
