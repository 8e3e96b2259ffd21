/**
 * The port to the place that starts and stops executor machines. A backend keeps no state of its own that matters:
 * the platform's list is the truth.
 */
import { BonfireError } from "@bonfire/wire";
import type { Resources } from "../supervisor/resources.ts";
import type { Bootstrap } from "./bootstrap.ts";

export interface LaunchRequest {
  /** Names the machine; at most one machine per launchId exists however often it is asked for. */
  readonly launchId: string;
  /** The driver on whose behalf it runs, with its incarnation. */
  readonly owner: string;
  readonly pool: string;
  /** What the machine must have. */
  readonly resources: Resources;
  /**
   * ms from the launch after which the platform ends the machine by itself, as the last net under everything else: it
   * asks it to, and forces it when the bootstrap's `shutdownMs` is over too. Infinity = never.
   */
  readonly lifetimeMs: number;
  /** What the executor needs to join; a secret. */
  readonly bootstrap: Bootstrap;
}

/** A machine that costs money, or did. */
export interface Machine {
  readonly launchId: string;
  readonly owner: string;
  readonly phase: "starting" | "running" | "terminating";
}

export interface Backend extends AsyncDisposable {
  readonly name: string;
  /**
   * Machines outlive the driver that launched them, and the backend of any other driver of the pool can list and
   * terminate them, given their owner's name. Then executors that other drivers use are handed on when theirs goes;
   * otherwise they end with it. Default: false.
   */
  readonly shared?: boolean;
  /** Resolves when the platform has accepted. Throws `BackendError`. An aborted launch leaves nothing. */
  launch(request: LaunchRequest, signal: AbortSignal): Promise<Machine>;
  /** Every machine that `owner` launched for `pool` and that still costs money, also those that never registered. */
  list(filter: { readonly owner: string; readonly pool: string }): Promise<readonly Machine[]>;
  /** Converges: already gone is success. Forced when `graceMs` is over. */
  terminate(launchId: string, options: { readonly graceMs: number; readonly reason: string }): Promise<void>;
  /** Hints that a machine has ended; the list is the truth. Returns the way to stop watching. */
  watch?(onEnd: (launchId: string, detail: string) => void): () => void;
}

export type BackendErrorCode =
  | "capacity"
  | "quota"
  | "rate-limited"
  | "auth"
  | "invalid"
  | "image"
  | "conflict"
  | "transient"
  | "unsupported";

/** Why a machine could not be started; reaches the waiting caller. */
export class BackendError extends BonfireError {
  readonly reason: BackendErrorCode;
  /** The answer was lost: the machine may exist all the same. */
  readonly mayExist: boolean;

  constructor(
    reason: BackendErrorCode,
    sentence: string,
    options: { mayExist?: boolean; cause?: unknown } = {},
  ) {
    super("BACKEND_ERROR", sentence, { cause: options.cause });
    this.reason = reason;
    this.mayExist = options.mayExist ?? false;
  }
}
