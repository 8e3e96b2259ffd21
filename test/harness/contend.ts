/** One of several who want the same lease: takes it, counts in its value, and gives it back. */
import { hasCode, Lease, type Store } from "@bonfire/runtime";

export interface Contention {
  readonly key: string;
  readonly holder: string;
  readonly ttl: number;
  readonly signal?: AbortSignal;
}

/**
 * What is reported. Times are of the machine's monotonic clock in nanoseconds, which all of its processes share.
 * `from` and `to`: moments at which the holder believed that it may act, the first and the latest so far.
 */
export type Report =
  | { readonly what: "valid"; readonly token: string; readonly from: string; readonly to: string }
  /** `unknown`: the store did not answer, so the write may be in or not. */
  | { readonly what: "wrote" | "refused" | "unknown"; readonly token: string }
  | { readonly what: "lost"; readonly token: string };

const MOST_WRITES = 12;

/** Ends when `signal` says so, with its lease given back. Goes on when the store was too slow for a moment. */
export async function contend(
  store: Store,
  contention: Contention,
  report: (report: Report) => void,
): Promise<void> {
  while (!contention.signal?.aborted) {
    try {
      await hold(store, contention, report);
    } catch (error) {
      if (!contention.signal?.aborted && !hasCode(error, "STORE_UNAVAILABLE")) throw error;
    }
  }
}

async function hold(
  store: Store,
  { key, holder, ttl, signal }: Contention,
  report: (report: Report) => void,
): Promise<void> {
  const lease = await Lease.acquire(store, key, holder, ttl);
  if (!lease) return store.whenFree(key, signal);
  const token = String(lease.token);
  const from = process.hrtime.bigint();
  const writes = Math.ceil(Math.random() * MOST_WRITES);
  for (let i = 0; i < writes && !signal?.aborted; i++) {
    const to = process.hrtime.bigint();
    if (lease.valid) report({ what: "valid", token, from: String(from), to: String(to) });
    // Goes on without looking at `valid`: what keeps an outdated count out is the token alone.
    await count(store, key, lease.token, (what) => report({ what, token }));
    if (!lease.valid) break;
  }
  if (!lease.valid) report({ what: "lost", token });
  await lease.release();
}

async function count(
  store: Store,
  key: string,
  token: bigint,
  report: (what: "wrote" | "refused" | "unknown") => void,
): Promise<void> {
  const value = Number(Buffer.from((await store.get(key)) ?? []).toString() || 0);
  try {
    await store.put(key, Buffer.from(String(value + 1)), token);
    report("wrote");
  } catch (error) {
    if (hasCode(error, "STALE_TOKEN")) report("refused");
    else if (hasCode(error, "STORE_UNAVAILABLE")) report("unknown");
    else throw error;
  }
}
