/** What one decision costs with a thousand executors and ten thousand waiting calls: nothing of it touches a network. */
import { type DriverView, decide, type ExecutorView } from "../../runtime/src/supervisor/decide.ts";
import { type Figure, median, quantile } from "./figure.ts";

const EXECUTORS = 1_000;
const CALLS = 10_000;
const DRIVERS = 100;
const DECISIONS = 200;

export async function decideFigures(rounds: number): Promise<Record<string, Figure>> {
  const policy = {
    min: 0,
    max: 1_200,
    concurrency: 4,
    buffer: 8,
    idleAfter: 30_000,
    lifetime: 3_600_000,
    singleUse: false,
    resources: {},
  };
  const fleet = Array.from({ length: EXECUTORS }, (_, n): ExecutorView => {
    // Of ten, eight are full, one has a free slot, and one boots.
    const leased = n % 10 === 9 ? 0 : n % 10 === 8 ? 3 : 4;
    const leases = new Map(leased > 0 ? [[`d${n % DRIVERS}`, leased]] : []);
    const phase = n % 10 === 9 ? "booting" : "ready";
    const rest = { spent: false, drainBy: Number.POSITIVE_INFINITY, replaces: undefined, resources: {} };
    return { id: `e${n}`, phase, leases, leased, idleSince: 0, expiresAt: 1e9, ...rest };
  });
  const drivers = Array.from({ length: DRIVERS }, (_, n): DriverView => {
    const waiting = CALLS / DRIVERS / 2;
    const demand = [
      { priority: 0, waiting, oldestMs: 5 },
      { priority: n % 3, waiting, oldestMs: 9, prefers: `e${n}` },
    ];
    return { id: `d${n}`, demand, busy: 40, underway: 0, lastGrant: n };
  });
  const times: number[] = [];
  const perRound: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    for (let n = 0; n < DECISIONS; n++) {
      const before = performance.now();
      decide(drivers, fleet, policy, 1_000);
      if (round > 0) times.push((performance.now() - before) * 1_000);
    }
    if (round > 0) perRound.push(((performance.now() - start) / DECISIONS) * 1_000);
  }
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  return { "pool.decide": { value: median(perRound), unit: "µs", p50, p99, goal: "< 1000" } };
}
