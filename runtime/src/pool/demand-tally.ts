/** Counts waiting calls by what they need of an executor, so that a report costs nothing per call. */
import type { Demand } from "../supervisor/decide.ts";
import type { Resources } from "../supervisor/resources.ts";
import type { Call } from "./call.ts";

/** Waiting calls that need the same. */
export interface Need {
  readonly id: number | string;
  readonly priority: number;
  readonly resources: Resources | undefined;
  readonly prefers: string | undefined;
  waiting: number;
  /** performance.now() before which none of them was made. */
  since: number;
}

export class DemandTally {
  readonly #needs = new Map<number | string, Need>();

  /** A call waits; `prefers` is the executor where its key is at home. */
  add(call: Call, prefers: string | undefined): void {
    const { priority, resources } = call;
    const plain = resources === undefined && prefers === undefined;
    const id = plain ? priority : JSON.stringify([priority, prefers, resources]);
    let need = this.#needs.get(id);
    if (!need) {
      need = { id, priority, resources, prefers, waiting: 0, since: madeAt(call) };
      this.#needs.set(id, need);
    }
    need.waiting++;
    call.need = need;
  }

  remove(call: Call): void {
    const { need } = call;
    if (!need) return;
    call.need = undefined;
    // First come, first served: those left were made later, but for the few that were put back.
    need.since = madeAt(call);
    if (--need.waiting === 0) this.#needs.delete(need.id);
  }

  /** Highest priority first, less those who are served by `coming` slots. */
  demand(coming: number): Demand[] {
    const now = performance.now();
    let left = coming;
    const demand: Demand[] = [];
    for (const { priority, resources, prefers, waiting, since } of this.#sorted()) {
      const served = Math.min(left, waiting);
      left -= served;
      if (served === waiting) continue;
      demand.push({
        priority,
        ...(resources && { resources }),
        ...(prefers !== undefined && { prefers }),
        waiting: waiting - served,
        oldestMs: Math.max(0, Math.round(now - since)),
      });
    }
    return demand;
  }

  #sorted(): Need[] {
    return [...this.#needs.values()].sort((a, b) => b.priority - a.priority);
  }
}

function madeAt({ deadlineAt, budget }: Call): number {
  return deadlineAt - budget;
}
