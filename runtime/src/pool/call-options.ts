import type { Duration } from "../duration.ts";
import type { Resources } from "../supervisor/resources.ts";

export interface CallOptions {
  /** How long the call may take: waiting, booting and running together. Default: the pool's `timeout`. */
  deadline?: Duration;
  /** Aborting it ends the call, also on the executor; the call rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Of the calls that wait, those with a higher number go first. Default 0. */
  priority?: number;
  /**
   * Calls of one key run in one cell while it lives, where they find what module state those before them have left,
   * such as a loaded model. If it is full, a call waits up to 5 s for it, and then takes any other.
   */
  key?: string;
  /** What it takes of its executor beside a slot, while it runs. Throws `RESOURCES_EXCEEDED` if none has so much. */
  resources?: Resources;
  /**
   * How often it may be tried again after the loss of its executor or a boot that failed. Needs `idempotent: true`.
   * Default 0: at most once. With `retries`, what it captures may not hold streams.
   */
  retries?: number;
  /** It does no harm if the code runs more than once, one copy after the other. */
  idempotent?: boolean;
  /** Whether to try again also after this error, which the code threw. Default: no. */
  retryOn?: (error: unknown) => boolean;
}

export interface MapOptions extends CallOptions {
  /** Calls under way at a time. Default: what the pool can run at once (`max` × `concurrency`). */
  concurrency?: number;
  /** `"input"` (default): results in the order of the items; `"completion"`: as they come. */
  order?: "input" | "completion";
  /**
   * `"throw"` (default): the first failure ends the iteration; `"skip"`: failed items are left out, and counted. A
   * function is told of each failure, and what it throws ends the iteration; else the item is left out.
   */
  onError?: "throw" | "skip" | ((error: unknown, item: unknown, index: number) => void);
  /** Called whenever an item is done or has failed. */
  onProgress?: (progress: MapProgress) => void;
}

export interface MapProgress {
  readonly done: number;
  readonly failed: number;
  /** Calls under way. */
  readonly running: number;
  /** How many items there are; undefined if they have neither a length nor a size. */
  readonly total: number | undefined;
  /** Items per second since the start. */
  readonly rate: number;
  /** ms until the last item is done, at this rate; undefined without `total`. */
  readonly eta: number | undefined;
}

export const CALL_OPTIONS = [
  "deadline",
  "signal",
  "priority",
  "key",
  "resources",
  "retries",
  "idempotent",
  "retryOn",
] as const satisfies readonly (keyof CallOptions)[];
export const MAP_OPTIONS = [
  ...CALL_OPTIONS,
  "concurrency",
  "order",
  "onError",
  "onProgress",
] as const satisfies readonly (keyof MapOptions)[];
