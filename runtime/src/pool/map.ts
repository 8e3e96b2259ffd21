/** Many items through a pool: so many at a time, never more results than the reader asked for. */
import { BonfireError, hasCode } from "@bonfire/wire";
import { milliseconds } from "../duration.ts";
import { checkSignal, refuseUnknown, wholeNumber } from "../option.ts";
import { MAP_OPTIONS, type MapOptions, type MapProgress } from "./call-options.ts";

export interface MapPlan<T, R> {
  readonly items: Iterable<T> | AsyncIterable<T>;
  readonly run: (item: T, index: number, signal: AbortSignal) => Promise<R>;
  readonly options: MapOptions;
  /** Used when the options name no concurrency. */
  readonly concurrency: number;
}

/** Validates, then returns what does the work when it is iterated. Throws `INVALID_OPTION` or `UNKNOWN_OPTION`. */
export function mapItems<T, R>({
  items,
  run,
  options,
  concurrency,
}: MapPlan<T, R>): AsyncGenerator<R, void, void> {
  refuseUnknown("map", options, MAP_OPTIONS);
  checkSignal(options.signal);
  const { order = "input", onError = "throw", onProgress, signal, deadline } = options;
  if (order !== "input" && order !== "completion") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "order" must be "input" or "completion", got ${String(order)}`,
    );
  }
  if (onError !== "throw" && onError !== "skip" && typeof onError !== "function") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "onError" must be "throw", "skip" or a function, got ${String(onError)}`,
    );
  }
  // Here once, as at each item it would be that item's failure, and could be skipped.
  if (deadline !== undefined) milliseconds("deadline", deadline);
  const width = wholeNumber("concurrency", options.concurrency ?? concurrency, 1);
  const total = countOf(items);
  return generate({ items, run, width, order, onError, onProgress, signal, total });
}

interface Generation<T, R> {
  readonly items: Iterable<T> | AsyncIterable<T>;
  readonly run: (item: T, index: number, signal: AbortSignal) => Promise<R>;
  readonly width: number;
  readonly order: "input" | "completion";
  readonly onError: NonNullable<MapOptions["onError"]>;
  readonly onProgress: MapOptions["onProgress"] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly total: number | undefined;
}

async function* generate<T, R>(generation: Generation<T, R>): AsyncGenerator<R, void, void> {
  const { items, width, signal } = generation;
  signal?.throwIfAborted();
  const source = new Source(items);
  // Whatever ends the iteration early also ends what is under way: the caller's signal, a failure, a reader that leaves.
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const jobs = new Jobs(generation, stop);
  const end = () => {
    signal?.removeEventListener("abort", abort);
    stop.abort(new BonfireError("MAP_ENDED", "The map ended before this item was done"));
  };

  try {
    while (true) {
      stop.signal.throwIfAborted();
      while (!source.ended && jobs.size < width) {
        const next = await source.next(stop.signal);
        stop.signal.throwIfAborted();
        if (!next.done) jobs.start(next.value);
      }
      if (jobs.size === 0) return;
      const outcome = await jobs.take();
      if (outcome.failed) passOver(outcome, generation);
      else yield outcome.value;
    }
  } catch (error) {
    end();
    // As after any loop, the reader hears what ended it, not what the source says to being closed then.
    await source.close().catch(() => undefined);
    throw error;
  } finally {
    end();
    await source.close();
  }
}

/** Goes on past a failure if it may, else throws it. */
function passOver(
  { error, item, index }: Failure,
  { onError }: Pick<Generation<unknown, unknown>, "onError">,
) {
  // A closed pool fails all that is to come, too: skipping it would pass for success, or never end.
  if (onError === "throw" || hasCode(error, "POOL_CLOSED")) throw error;
  if (onError !== "skip") onError(error, item, index);
}

/** The items, one pull at a time. */
class Source<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  #state: "open" | "pulling" | "ended" = "open";

  constructor(items: Iterable<T> | AsyncIterable<T>) {
    this.#iterator =
      (items as AsyncIterable<T>)[Symbol.asyncIterator]?.() ?? (items as Iterable<T>)[Symbol.iterator]();
  }

  get ended(): boolean {
    return this.#state === "ended";
  }

  /** Rejects with what the items throw, or with the signal's reason as soon as it is aborted. */
  async next(signal: AbortSignal): Promise<IteratorResult<T>> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([this.#pull(), aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Lets the items clean up; only once, and not after they ended by themselves. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = "ended";
    if (state === "ended") return;
    const closed = Promise.try(() => this.#iterator.return?.());
    // An async generator that still waits for something closes after that, if ever: nobody can wait for it.
    if (state === "pulling") closed.catch(() => undefined);
    else await closed;
  }

  async #pull(): Promise<IteratorResult<T>> {
    this.#state = "pulling";
    try {
      const next = await this.#iterator.next();
      if (this.#state === "pulling") this.#state = next.done ? "ended" : "open";
      return next;
    } catch (error) {
      this.#state = "ended";
      throw error;
    }
  }
}

interface Failure {
  readonly failed: true;
  readonly error: unknown;
  readonly item: unknown;
  readonly index: number;
}

type Outcome<R> = { readonly failed: false; readonly value: R } | Failure;

interface Job<R> {
  outcome: Outcome<R> | undefined;
  /** The one behind it in the line. */
  next: Job<R> | undefined;
}

/** What is under way, and the line of those whose turn it is to be read: of all in input order, else of the settled. */
class Jobs<T, R> {
  readonly #generation: Generation<T, R>;
  readonly #stop: AbortController;
  #size = 0;
  readonly #startedAt = performance.now();
  #index = 0;
  #done = 0;
  #failed = 0;
  #first: Job<R> | undefined;
  #last: Job<R> | undefined;
  #wake: (() => void) | undefined;

  constructor(generation: Generation<T, R>, stop: AbortController) {
    this.#generation = generation;
    this.#stop = stop;
    stop.signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  /** Those that were started and not yet taken. */
  get size(): number {
    return this.#size;
  }

  start(item: T): void {
    const job: Job<R> = { outcome: undefined, next: undefined };
    this.#size++;
    if (this.#generation.order === "input") this.#append(job);
    // An item that cannot travel is refused at once: that is the failure of this item.
    const index = this.#index++;
    Promise.try(this.#generation.run, item, index, this.#stop.signal).then(
      (value) => this.#settle(job, { failed: false, value }),
      (error: unknown) => this.#settle(job, { failed: true, error, item, index }),
    );
  }

  /** Waits for the one whose turn it is. Rejects with the reason of the stop. */
  async take(): Promise<Outcome<R>> {
    while (true) {
      this.#stop.signal.throwIfAborted();
      const job = this.#first;
      if (job?.outcome) {
        this.#first = job.next;
        if (!this.#first) this.#last = undefined;
        // A dead job that points at a living one would carry it, and in turn all that follow, to the old generation.
        job.next = undefined;
        this.#size--;
        return job.outcome;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #settle(job: Job<R>, outcome: Outcome<R>): void {
    // It was ended, or its reader is gone: neither its outcome nor its progress is of interest.
    if (this.#stop.signal.aborted) return;
    job.outcome = outcome;
    if (outcome.failed) this.#failed++;
    else this.#done++;
    const { order, onProgress } = this.#generation;
    if (order === "completion") this.#append(job);
    try {
      onProgress?.(this.#progress());
    } catch (error) {
      this.#stop.abort(error);
    }
    if (this.#first?.outcome) this.#wake?.();
  }

  #progress(): MapProgress {
    const { total } = this.#generation;
    const over = this.#done + this.#failed;
    const rate = (over / Math.max(1, performance.now() - this.#startedAt)) * 1_000;
    const eta = total === undefined ? undefined : ((total - over) / rate) * 1_000;
    return { done: this.#done, failed: this.#failed, running: this.#index - over, total, rate, eta };
  }

  #append(job: Job<R>): void {
    if (this.#last) this.#last.next = job;
    else this.#first = job;
    this.#last = job;
  }
}

/** How many items there will be, where they say so themselves. */
function countOf(items: Iterable<unknown> | AsyncIterable<unknown>): number | undefined {
  const { length, size } = items as { length?: unknown; size?: unknown };
  if (typeof length === "number") return length;
  return typeof size === "number" ? size : undefined;
}
