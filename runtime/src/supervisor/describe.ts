/** What a supervisor says of its pool to whoever wants to know why calls wait. */
import type { BootFailures } from "./boot-failures.ts";
import type { DriverRecord } from "./driver-record.ts";
import type { ExecutorRecord, Phase } from "./executor-record.ts";
import type { ExecutorInfo, FleetCounts, PoolExplanation } from "./fleet-event.ts";
import type { Policy } from "./policy.ts";

export function describe(executors: readonly ExecutorRecord[], slots: number): ExecutorInfo[] {
  const now = performance.now();
  return executors.map(({ id, phase, state, launchedAt, leases }) => ({
    id,
    phase,
    step: stepOf(state),
    ageMs: Math.round(now - launchedAt),
    slots,
    leases: Object.fromEntries(leases),
  }));
}

export function explain(
  counts: FleetCounts,
  executors: ExecutorInfo[],
  { max }: Policy,
  { reasons, launchAfter }: BootFailures,
  otherDrivers: readonly DriverRecord[],
): PoolExplanation {
  const now = performance.now();
  const others: Record<number, number> = {};
  for (const { priority, waiting } of otherDrivers.flatMap((driver) => driver.view().demand))
    others[priority] = (others[priority] ?? 0) + waiting;
  const failures = reasons.map(({ code, sentence, times, at }) => ({
    code,
    sentence,
    times,
    agoMs: Math.round(now - at),
  }));
  const nextTryMs = Math.max(0, Math.round(launchAfter - now));
  return { ...counts, executors, full: counts.ready + counts.booting >= max, others, failures, nextTryMs };
}

function stepOf(state: Phase): ExecutorInfo["step"] {
  if (state.name === "adopting") return "adopting";
  if (state.name !== "booting") return undefined;
  return state.accepted ? "starting" : "launching";
}
