/** Bonfire's own rules, the real `decide` among them, and what they are compared with. */

import { BootFailures } from "../../runtime/src/supervisor/boot-failures.ts";
import { decide, type ExecutorView } from "../../runtime/src/supervisor/decide.ts";
import { Patience } from "../../runtime/src/supervisor/patience.ts";
import type { Policy } from "../../runtime/src/supervisor/policy.ts";
import type { Scaler, SimulatedExecutor, World } from "./world.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** How long a driver keeps slots that it does not use, in seconds. */
const LINGER = 1;

/** One driver under Bonfire's supervisor. The real parts count in ms. */
export function bonfire(given: Policy): Scaler {
  const held = new Map<SimulatedExecutor, { slots: number; idleSince: number }>();
  const patience = new Patience(given.idleAfter);
  const failures = new BootFailures("simulated", NEVER, () => 0.5);

  const views = (world: World): ExecutorView[] =>
    [...world.executors.values()].map((executor) => {
      const leased = held.get(executor)?.slots ?? 0;
      return {
        id: executor.id,
        phase: executor.phase as "booting" | "ready" | "draining",
        leases: new Map(leased > 0 ? [["d", leased]] : []),
        leased,
        idleSince: executor.idleSince * 1_000,
        expiresAt: NEVER,
        spent: false,
        drainBy: NEVER,
        replaces: undefined,
        resources: {},
      };
    });

  const giveBack = (world: World): void => {
    for (const [executor, lease] of held) {
      const { running, phase } = executor;
      if (phase === "gone" || (phase === "draining" && running.size === 0)) held.delete(executor);
      else if (running.size === 0 && world.now - lease.idleSince >= LINGER - 1e-9) {
        executor.idleSince = lease.idleSince;
        held.delete(executor);
      }
    }
  };

  const waiting = (world: World): number => {
    let free = 0;
    for (const [executor, { slots }] of held)
      if (executor.phase === "ready") free += slots - executor.running.size;
    return Math.max(0, world.queue.length - free);
  };

  return {
    name: "bonfire",
    react(world, event) {
      const now = world.now * 1_000;
      // Nothing is kept free for a load that is over, so that it costs what it cost.
      const policy = world.isOver ? { ...given, buffer: 0 } : given;
      if (event === "failed") failures.note(new Error("flaky"), now - world.load.bootTakes * 1_000, now);
      if (event === "booted") {
        failures.succeeded();
        patience.booted(world.load.bootTakes * 1_000);
      }
      giveBack(world);
      const lacks = waiting(world);
      const demand = lacks > 0 ? [{ priority: 0, waiting: lacks, oldestMs: 0 }] : [];
      // A driver tells how many calls run where slots are kept free beyond them.
      const busy = policy.buffer > 0 ? runningOn(held) : 0;
      const driver = { id: "d", demand, busy, underway: 0, lastGrant: 0 };
      const memory = { launchAfter: failures.launchAfter, idleFor: patience.idleFor };
      const { actions, wakeAt } = decide([driver], views(world), policy, now, memory);
      for (const action of actions) {
        if (action.kind === "launch") {
          patience.launched(now, action.count, world.executors.size);
          for (let n = 0; n < action.count; n++) world.launch();
        } else if (action.kind === "grant") {
          const executor = world.executors.get(action.executor) as SimulatedExecutor;
          const slots = (held.get(executor)?.slots ?? 0) + action.slots;
          held.set(executor, { slots, idleSince: world.now });
          world.lookAt(world.now + LINGER);
        } else if (action.kind === "retire") {
          if (action.reason === "idle") patience.retired(now);
          world.end(world.executors.get(action.executor) as SimulatedExecutor, action.reason === "idle");
        }
      }
      // A moment late, as a timer is.
      world.lookAt((wakeAt + 1) / 1_000);
    },
    pick() {
      let best: SimulatedExecutor | undefined;
      for (const [executor, { slots }] of held) {
        const free = executor.phase === "ready" && executor.running.size < slots;
        if (free && (!best || executor.running.size < best.running.size)) best = executor;
      }
      return best;
    },
    freed(executor, world) {
      const lease = held.get(executor);
      if (lease && executor.running.size === 0) {
        lease.idleSince = world.now;
        world.lookAt(world.now + LINGER);
      }
    },
  };
}

function runningOn(held: ReadonlyMap<SimulatedExecutor, unknown>): number {
  let running = 0;
  for (const executor of held.keys()) running += executor.running.size;
  return running;
}

/** FLAME 0.5: it thinks of growing when a caller arrives, and of going when an executor is idle for so long. */
export function flame(max: number, idleAfter = 30): Scaler {
  const scaler: Scaler = {
    name: "FLAME",
    react(world, event) {
      const executors = [...world.executors.values()];
      if (event === "arrive" && !scaler.pick(world) && executors.length < max) {
        const booting = executors.filter(({ phase }) => phase === "booting").length;
        if (booting * world.concurrency < world.queue.length) world.launch();
      }
      for (const executor of executors) {
        if (executor.phase !== "ready" || executor.running.size > 0) continue;
        const due = executor.idleSince + idleAfter;
        if (due <= world.now && world.queue.length === 0) world.end(executor, true);
        else if (event !== "look") world.lookAt(due);
      }
    },
    pick(world) {
      let best: SimulatedExecutor | undefined;
      for (const executor of world.executors.values()) {
        // It does not know of its platform's notice.
        const there = executor.phase === "ready" || executor.phase === "draining";
        if (!there || executor.running.size >= world.concurrency) continue;
        if (!best || executor.running.size < best.running.size) best = executor;
      }
      return best;
    },
    freed(executor, world) {
      if (executor.running.size === 0) world.lookAt(executor.idleSince + idleAfter);
    },
  };
  return scaler;
}
