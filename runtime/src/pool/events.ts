import type { BonfireError } from "@bonfire/wire";
import type { FleetCounts, FleetEvent } from "../supervisor/fleet-event.ts";

/** A line that shipped code printed. */
export interface LogLine {
  readonly pool: string;
  /** The cell's node id. */
  readonly cell: string;
  /** The call that printed it; 0 if that is not known. */
  readonly call: number;
  readonly level: "debug" | "log" | "info" | "warn" | "error";
  readonly text: string;
}

export interface PoolEvents {
  /** A cast failed. Without a listener it becomes a process warning. */
  error: [error: unknown];
  log: [line: LogLine];
  /** The number of executors changed. */
  fleet: [executors: FleetCounts];
  /** Executors are being launched. */
  growStart: [event: Extract<FleetEvent, { kind: "growStart" }>];
  /** An executor is ready; or, with `error`, it did not boot. */
  growEnd: [event: Extract<FleetEvent, { kind: "growEnd" }>];
  /** An executor that was ready goes, or has gone. */
  shrink: [event: Extract<FleetEvent, { kind: "shrink" }>];
  /** An executor did not boot; it is tried again while calls wait. */
  bootFailed: [error: BonfireError];
}
