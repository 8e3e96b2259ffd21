import { BonfireError } from "@bonfire/wire";
import { type Address, formatAddress } from "./address.ts";

/** What allows an actor to act, as one of whom there may be only one. */
export interface Gate {
  /** What is held, for messages. */
  readonly key: string;
  /** Exact at the moment of asking, by this process's own clocks. */
  readonly valid: boolean;
  readonly token: bigint;
  /** Aborted, perhaps late, when it is not valid any more. */
  readonly signal: AbortSignal;
}

/** The end of an actor that may not act any more. */
export function nameLost(place: Address, { key, signal }: Gate): BonfireError {
  return new BonfireError(
    "NAME_LOST",
    `Actor ${formatAddress(place)} has lost "${key}", which another may hold now, and was ended: find the new one by the name`,
    { cause: signal.reason },
  );
}
