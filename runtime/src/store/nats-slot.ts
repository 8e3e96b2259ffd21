/** The entry of a lease in a bucket of NATS. */
import { BonfireError } from "@bonfire/wire";
import type { Entry } from "../bus/bucket.ts";

/** What an entry of a lease holds, as JSON for whoever looks with `nats kv`. */
export interface Slot {
  /** Absent: released. */
  readonly holder?: string;
  /** Milliseconds, counted from `since`. */
  readonly ttl: number;
  /** Server's time of the last grant or renewal in microseconds; absent: this entry is it. */
  readonly since?: number;
  /** Absent: this entry is the grant, and its token is made of its own time and `last`. */
  readonly token?: string;
  /** The token before this grant. */
  readonly last?: string;
  /** Revision of the entry that holds the value. */
  readonly value?: number;
}

export interface Seen {
  readonly revision: number;
  readonly slot: Slot;
  readonly token: bigint;
  /** Server's time in microseconds. */
  readonly until: number;
}

export function seenIn({ data, revision, at }: Entry): Seen {
  const slot = parse<Slot>(data);
  const token = slot.token === undefined ? later(BigInt(slot.last ?? 0), BigInt(at)) : BigInt(slot.token);
  return { revision, slot, token, until: (slot.since ?? at) + slot.ttl * 1_000 };
}

/** The store's time, so that tokens grow over the loss of its data too; but always more than the last one. */
function later(last: bigint, time: bigint): bigint {
  return time > last ? time : last + 1n;
}

/** The same grant and the same end, without its value. */
export function kept({ slot: { holder, ttl }, token, until }: Seen): Slot {
  return { holder: holder as string, ttl, since: until - ttl * 1_000, token: String(token) };
}

export function valuePart(seen: Seen | undefined): { value?: number } {
  return seen?.slot.value === undefined ? {} : { value: seen.slot.value };
}

export function parse<T>(data: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(data).toString()) as T;
  } catch (cause) {
    throw new BonfireError(
      "MALFORMED_VALUE",
      "Cannot read an entry of the store in NATS: give it a bucket of its own",
      {
        cause,
      },
    );
  }
}
