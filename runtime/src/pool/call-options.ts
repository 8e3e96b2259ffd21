import type { Duration } from "../duration.ts";

export interface CallOptions {
  /** How long the call may take: waiting, booting and running together. Default: the pool's `timeout`. */
  deadline?: Duration;
  /** Aborting it ends the call, also on the executor; the call rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface MapOptions extends CallOptions {
  /** Calls under way at a time. Default: what the pool can run at once (`max` × `concurrency`). */
  concurrency?: number;
  /** `"input"` (default): results in the order of the items; `"completion"`: as they come. */
  order?: "input" | "completion";
  /** `"throw"` (default): the first failure ends the iteration; `"skip"`: failed items are left out, and counted. */
  onError?: "throw" | "skip";
  /** Called whenever an item is done. `total` is known if the items have a length. */
  onProgress?: (progress: MapProgress) => void;
}

export interface MapProgress {
  readonly done: number;
  readonly failed: number;
  readonly total: number | undefined;
}

export const CALL_OPTIONS = ["deadline", "signal"] as const satisfies readonly (keyof CallOptions)[];
export const MAP_OPTIONS = [
  ...CALL_OPTIONS,
  "concurrency",
  "order",
  "onError",
  "onProgress",
] as const satisfies readonly (keyof MapOptions)[];
