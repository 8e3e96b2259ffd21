/** A call's options, checked: what is wrong with them is said at the call. */
import { BonfireError } from "@bonfire/wire";
import { milliseconds } from "../duration.ts";
import { checkSignal, refuseUnknown, wholeNumber } from "../option.ts";
import type { Policy } from "../supervisor/policy.ts";
import { type Resources, resolveResources, unservable } from "../supervisor/resources.ts";
import { CALL_OPTIONS, type CallOptions } from "./call-options.ts";

export interface CallTerms {
  /** ms for everything. */
  readonly budget: number;
  readonly signal: AbortSignal | undefined;
  readonly priority: number;
  readonly affinity: string | undefined;
  readonly resources: Resources | undefined;
  readonly retry: Retry | undefined;
}

export interface Retry {
  readonly times: number;
  readonly on: (error: unknown) => boolean;
}

/** Throws `UNKNOWN_OPTION`, `INVALID_OPTION` or `RESOURCES_EXCEEDED`. */
export function callTerms(pool: string, options: CallOptions, callMs: number, policy: Policy): CallTerms {
  refuseUnknown("a call", options, CALL_OPTIONS);
  const { deadline, signal, priority = 0, key, resources } = options;
  checkSignal(signal);
  if (!Number.isFinite(priority)) throw invalid("priority", "a number", priority);
  if (key !== undefined && typeof key !== "string") throw invalid("key", "a string", key);
  return {
    budget: deadline === undefined ? callMs : milliseconds("deadline", deadline),
    signal,
    priority,
    affinity: key,
    resources: resources && servable(pool, resources, policy),
    retry: retryOf(options),
  };
}

function servable(pool: string, resources: Resources, policy: Policy): Resources {
  const need = resolveResources("a call", resources);
  const reason = unservable(need, policy.resources);
  if (reason === undefined) return need;
  throw new BonfireError(
    "RESOURCES_EXCEEDED",
    `No executor of pool "${pool}" can ever run this call as ${reason}: ask for less, or raise the pool's "resources"`,
  );
}

function retryOf({ retries = 0, idempotent = false, retryOn }: CallOptions): Retry | undefined {
  wholeNumber("retries", retries, 0);
  if (typeof idempotent !== "boolean") throw invalid("idempotent", "true or false", idempotent);
  if (retryOn !== undefined && typeof retryOn !== "function")
    throw invalid("retryOn", "a function of the error", retryOn);
  if (retries === 0) return undefined;
  if (!idempotent) {
    throw new BonfireError(
      "INVALID_OPTION",
      'Option "retries" needs "idempotent: true", as code whose executor is lost may have run: say so if it may run again, or leave "retries" out',
    );
  }
  return { times: retries, on: retryOn ?? (() => false) };
}

function invalid(option: string, wanted: string, got: unknown): BonfireError {
  return new BonfireError(
    "INVALID_OPTION",
    `Option "${option}" must be ${wanted}, got ${JSON.stringify(got)}`,
  );
}
