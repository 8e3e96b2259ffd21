/** Many items through a pool: so many at a time, never more results than the reader asked for. */
import { BonfireError } from "@bonfire/wire";
import { refuseUnknown, wholeNumber } from "../option.ts";
import { MAP_OPTIONS, type MapOptions } from "./call-options.ts";

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
  const { order = "input", onError = "throw", onProgress, signal } = options;
  if (order !== "input" && order !== "completion") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "order" must be "input" or "completion", got ${String(order)}`,
    );
  }
  if (onError !== "throw" && onError !== "skip") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "onError" must be "throw" or "skip", got ${String(onError)}`,
    );
  }
  const width = wholeNumber("concurrency", options.concurrency ?? concurrency, 1);
  const total = Array.isArray(items) ? items.length : undefined;
  return generate({ items, run, width, order, onError, onProgress, signal, total });
}

interface Job<R> {
  readonly outcome: Promise<{
    readonly job: Job<R>;
    readonly value?: R;
    readonly error?: unknown;
    readonly failed: boolean;
  }>;
}

interface Generation<T, R> {
  readonly items: Iterable<T> | AsyncIterable<T>;
  readonly run: (item: T, index: number, signal: AbortSignal) => Promise<R>;
  readonly width: number;
  readonly order: "input" | "completion";
  readonly onError: "throw" | "skip";
  readonly onProgress: MapOptions["onProgress"] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly total: number | undefined;
}

async function* generate<T, R>(generation: Generation<T, R>): AsyncGenerator<R, void, void> {
  const { items, run, width, order, onError, onProgress, signal, total } = generation;
  // Whoever stops reading early, by break or by an error, ends what is under way.
  const stop = new AbortController();
  const ends = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const source = iterate(items);
  const jobs = new Set<Job<R>>();
  let index = 0;
  let done = 0;
  let failed = 0;
  let exhausted = false;

  const start = (item: T): void => {
    const job: Job<R> = {
      outcome: run(item, index++, ends).then(
        (value) => settled(job, { value, failed: false }),
        (error: unknown) => settled(job, { error, failed: true }),
      ),
    };
    jobs.add(job);
  };
  const settled = (job: Job<R>, outcome: { value?: R; error?: unknown; failed: boolean }) => {
    if (outcome.failed) failed++;
    else done++;
    onProgress?.({ done, failed, total });
    return { job, ...outcome };
  };

  try {
    while (true) {
      while (!exhausted && jobs.size < width) {
        const next = await source.next();
        if (next.done) exhausted = true;
        else start(next.value);
      }
      if (jobs.size === 0) return;
      const [oldest] = jobs as Set<Job<R>> & Iterable<Job<R>>;
      const outcome = await (order === "input"
        ? (oldest as Job<R>).outcome
        : Promise.race([...jobs].map((job) => job.outcome)));
      jobs.delete(outcome.job);
      if (!outcome.failed) yield outcome.value as R;
      else if (onError === "throw") throw outcome.error;
    }
  } finally {
    stop.abort(new BonfireError("MAP_ENDED", "The map ended before this item was done"));
    await source.return?.();
  }
}

function iterate<T>(items: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}
