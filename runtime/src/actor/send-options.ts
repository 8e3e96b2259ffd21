import { BonfireError } from "@bonfire/wire";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown } from "../option.ts";

export interface SendOptions {
  /** How long to wait for the answer, from the call on. Default 10 s; for a stream: until it begins, unless given. */
  deadline?: Duration;
  /** Gives the ask up: it rejects at once with the signal's reason. */
  signal?: AbortSignal;
  /**
   * `"any"`: if the actor has been restarted since this ref last heard of it, give the message to the new one, and
   * wait for a restart that is under way. Default `"current"`: fail with `STALE_EPOCH`, undelivered.
   */
  epoch?: "current" | "any";
}

export interface ResolvedSendOptions {
  readonly deadline: number;
  /** The deadline was asked for, so that it also ends a stream. */
  readonly isLimit: boolean;
  readonly signal: AbortSignal | undefined;
  readonly anyEpoch: boolean;
}

const KNOWN = ["deadline", "signal", "epoch"] as const satisfies readonly (keyof SendOptions)[];
const ASK_MS = 10_000;

export const DEFAULTS: ResolvedSendOptions = {
  deadline: ASK_MS,
  isLimit: false,
  signal: undefined,
  anyEpoch: false,
};

/** Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function resolveSendOptions(options: SendOptions): ResolvedSendOptions {
  refuseUnknown("ref.with", options, KNOWN);
  const { deadline, signal, epoch = "current" } = options;
  if (epoch !== "current" && epoch !== "any") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "epoch" must be "current" or "any", got ${JSON.stringify(epoch)}`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new BonfireError("INVALID_OPTION", 'Option "signal" must be an AbortSignal');
  }
  return {
    deadline: deadline === undefined ? ASK_MS : Math.max(1, milliseconds("deadline", deadline)),
    isLimit: deadline !== undefined,
    signal,
    anyEpoch: epoch === "any",
  };
}
