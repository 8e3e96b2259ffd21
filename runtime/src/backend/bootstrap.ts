import type { Grants } from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import type { NatsAddress } from "../bus/connection.ts";
import type { Timing } from "../presence/timing.ts";

export type RealmKind = "isolate" | "process" | "inline";

/** What a backend hands to an executor so that it can join; holds credentials, so it never goes into argv. */
export interface Bootstrap {
  /** The executor's node id. */
  readonly executor: string;
  readonly nats: NatsAddress;
  readonly pool: string;
  readonly supervisor: Address;
  /** The fencing token of that supervisor, in decimal, as JSON has no bigints. */
  readonly token: string;
  /** Another supervisor may have this executor when the first is gone. */
  readonly adoptable: boolean;
  readonly timing: Timing;
  readonly realm: RealmKind;
  readonly grants: Grants;
  /** How many calls and actors a cell may have at a time. */
  readonly concurrency: number;
  /** Cap of one cell, in MB. */
  readonly memoryMb: number;
  /** The executor ends by itself if it could not register within so many ms. */
  readonly registerMs: number;
  /** How long running work gets when the executor stops. */
  readonly shutdownMs: number;
}
