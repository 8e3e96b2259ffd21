import type { BonfireError } from "@bonfire/wire";

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
  fleet: [executors: { readonly ready: number; readonly booting: number }];
  /** An executor did not boot; it is tried again while calls wait. */
  bootFailed: [error: BonfireError];
}
