import type { BonfireError } from "@bonfire/wire";
import type { RetireReason } from "./decide.ts";

export interface FleetCounts {
  readonly ready: number;
  readonly booting: number;
  readonly draining: number;
}

/** What becomes of a pool's executors, with the counts after it. */
export type FleetEvent = FleetCounts &
  (
    | { readonly kind: "growStart"; readonly launched: number }
    | { readonly kind: "growEnd"; readonly executor: string; readonly error?: BonfireError }
    | { readonly kind: "shrink"; readonly executor: string; readonly reason: ShrinkReason }
  );

export type ShrinkReason = RetireReason | "lost" | "closed";

/** One executor as the supervisor sees it. */
export interface ExecutorInfo {
  readonly id: string;
  readonly phase: "booting" | "ready" | "draining";
  /**
   * How far it is: the platform is asked, or it has accepted and the executor has not registered yet; or the executor
   * of a supervisor that is gone is asked to follow this one.
   */
  readonly step: "launching" | "starting" | "adopting" | undefined;
  /** Since its launch. */
  readonly ageMs: number;
  readonly slots: number;
  /** Slots that drivers hold, or that are on their way to them, by driver. */
  readonly leases: Readonly<Record<string, number>>;
}

/** Why calls of a pool wait, for whoever explains it. */
export interface PoolExplanation extends FleetCounts {
  readonly executors: readonly ExecutorInfo[];
  /** Whether no more may be launched, as `max` is reached. */
  readonly full: boolean;
  /** Waiting calls of other drivers, by priority. */
  readonly others: Readonly<Record<number, number>>;
  /** Boots that failed since the last that succeeded, in the platform's words. */
  readonly failures: readonly {
    readonly code: string;
    readonly sentence: string;
    readonly times: number;
    readonly agoMs: number;
  }[];
  /** How long until the next launch, after failures; 0 = now. */
  readonly nextTryMs: number;
}
