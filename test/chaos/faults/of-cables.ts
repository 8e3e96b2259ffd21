/** A network that drops every packet of a driver, or of its machines, and tells nobody. */
import { setTimeout as pause } from "node:timers/promises";
import { machineNow } from "../driver.ts";
import type { Cables } from "../stage.ts";
import type { World } from "../world.ts";
import { type Fault, NOBODY } from "./fault.ts";
import { out, victimOf } from "./of-drivers.ts";

const SHORT_MS = 3_000;
const LONG_MS = 10_000;

function cablesOf({ stage }: World): Cables {
  return stage.cables as Cables;
}

function skipped({ stage }: World): string | undefined {
  return typeof stage.cables === "string" ? stage.cables : undefined;
}

function driverCut(ms: number, isGone: boolean): Fault {
  return {
    name: `no packet to or from a driver for ${ms / 1_000} s`,
    befalls: "victim",
    skipped,
    run(world) {
      const { driver } = cablesOf(world);
      return out(
        world,
        victimOf(world),
        { ms, isGone },
        () => driver.cut(),
        () => driver.mend(),
      );
    },
  };
}

export const FAULTS_OF_CABLES: readonly Fault[] = [
  driverCut(SHORT_MS, false),
  driverCut(LONG_MS, true),
  {
    name: "no packet to or from machines for 3 s",
    befalls: "victim",
    skipped,
    async run(world) {
      const { machines } = cablesOf(world);
      await machines.cut();
      await pause(SHORT_MS);
      await machines.mend();
      return NOBODY;
    },
  },
  {
    name: "no packet to or from machines for 10 s",
    befalls: "victim",
    skipped,
    async run(world) {
      const { machines } = cablesOf(world);
      const victim = victimOf(world);
      const before = world.machinesOf(victim);
      const pids = await world.processesOn(before);
      world.excuse(before);
      const start = machineNow();
      await machines.cut();
      const [detections, teardown] = await Promise.all([
        Promise.all(before.map(({ launchId }) => world.detection(launchId, start))),
        world.untilGone(pids, victim.id),
        pause(LONG_MS),
      ]);
      // Those that take their place boot behind the same cable.
      world.excuse(world.machinesOf(victim));
      await machines.mend();
      return { detection: Math.max(...detections), teardown };
    },
  },
];
