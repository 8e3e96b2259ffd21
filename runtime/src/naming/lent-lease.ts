/** A lease that another node keeps in its store: asked for again and again, and counted from before each question. */
import { BonfireError } from "@bonfire/wire";
import type { Gate } from "../actor/gate.ts";
import { elapsed, type Moment, moment } from "../store/clock.ts";

/** For how long the other node's lease was valid when it answered, in ms. */
export interface Term {
  readonly token: bigint;
  readonly remaining: number;
}

/** Its clock may run faster than ours by this much. */
const CLOCK_RATE = 0.01;
const RENEWALS = 3;
const LEAST_MS = 20;

export class LentLease implements Gate {
  readonly key: string;
  readonly token: bigint;
  readonly #ask: () => Promise<Term | undefined>;
  readonly #lost = new AbortController();
  #from: Moment;
  #lasts: number;
  #timer: NodeJS.Timeout | undefined;
  #end: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(key: string, term: Term, from: Moment, ask: () => Promise<Term | undefined>) {
    this.key = key;
    this.token = term.token;
    this.#ask = ask;
    this.#from = from;
    this.#lasts = term.remaining * (1 - CLOCK_RATE);
  }

  /** Undefined: the other node does not keep it. */
  static async take(key: string, ask: () => Promise<Term | undefined>): Promise<LentLease | undefined> {
    const from = moment();
    const term = await ask();
    if (!term) return undefined;
    const lease = new LentLease(key, term, from, ask);
    lease.#schedule();
    return lease;
  }

  get valid(): boolean {
    if (!this.#lost.signal.aborted && this.#left() <= 0) this.#lose("was not renewed in time");
    return !this.#lost.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#end);
  }

  #left(): number {
    return this.#lasts - elapsed(this.#from);
  }

  #schedule(): void {
    // The answer may have taken longer than it lasts.
    const left = Math.max(0, this.#left());
    this.#timer = setTimeout(() => void this.#renew(), Math.max(LEAST_MS, left / RENEWALS)).unref();
    clearTimeout(this.#end);
    this.#end = setTimeout(() => this.valid || this.close(), Math.max(1, Math.ceil(left) + 1)).unref();
  }

  async #renew(): Promise<void> {
    if (!this.valid) return;
    const from = moment();
    const answer = await this.#ask().then(
      (term) => term ?? "none",
      // It may pass while the time lasts.
      () => undefined,
    );
    if (this.#isClosed || !this.valid) return;
    if (answer === "none") return this.#lose("is not kept any more");
    if (answer) {
      this.#from = from;
      this.#lasts = answer.remaining * (1 - CLOCK_RATE);
    }
    this.#schedule();
  }

  #lose(how: string): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#lost.abort(new BonfireError("LEASE_LOST", `Lease of "${this.key}" ${how}`));
  }
}
