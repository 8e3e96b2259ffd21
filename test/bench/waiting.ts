/** What a waiting call costs: memory, and the time to queue, cancel and serve one among very many. */
import { connect } from "@bonfire/runtime";
import { type Figure, median } from "./figure.ts";

const CALLS = 10_000;

/** Needs `--expose-gc`. */
export async function waitingFigures(rounds: number): Promise<Record<string, Figure>> {
  const gc = globalThis.gc as () => void;
  await using fire = await connect();
  await using pool = await fire.pool("waiting", { max: 1, logs: "ignore" });
  await pool.call({}, () => 1);
  const bytes: number[] = [];
  const queueing: number[] = [];
  const cancelling: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const gate = new AbortController();
    const blocked = pool
      .call({}, () => new Promise(() => {}), { signal: gate.signal })
      .catch(() => undefined);
    const stop = new AbortController();
    const signal = { signal: stop.signal };
    const calls: Promise<unknown>[] = [];
    const wait = (n: number) => void calls.push(pool.call({ n }, ({ n }) => n));
    // What grows once and stays is not a call's.
    for (let n = 0; n < 100; n++) wait(n);
    gc();
    const before = heldBytes();
    let start = performance.now();
    for (let n = 0; n < CALLS; n++) wait(n);
    queueing.push(((performance.now() - start) / CALLS) * 1_000);
    gc();
    bytes.push((heldBytes() - before) / CALLS);
    const cancelled = Array.from({ length: CALLS }, (_, n) =>
      pool.call({ n }, ({ n }) => n, signal).catch(() => undefined),
    );
    start = performance.now();
    stop.abort();
    cancelling.push(((performance.now() - start) / CALLS) * 1_000);
    gate.abort();
    await Promise.all([blocked, ...calls, ...cancelled]);
  }
  return {
    "pool.waiting": { value: median(bytes), unit: "bytes/call", goal: "< 1,024" },
    "pool.queue": { value: median(queueing), unit: "µs/call" },
    "pool.cancel": { value: median(cancelling), unit: "µs/call" },
  };
}

/** The heap, and what arguments take outside of it. */
function heldBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
