/** What befalls an executor of the driver that has a pool of its own. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../harness/outcome.ts";
import { machineNow } from "../driver.ts";
import type { Random } from "../random.ts";
import type { Times, World } from "../world.ts";
import { type Fault, NOBODY } from "./fault.ts";
import { victimOf } from "./of-drivers.ts";

async function signalled(world: World, random: Random, signal: NodeJS.Signals): Promise<Times> {
  const machine = random.pick(world.machinesOf(victimOf(world)));
  const pids = await world.processesOn([machine]);
  world.excuse([machine]);
  const start = machineNow();
  process.kill(machine.pid, signal);
  const [detection, teardown] = await Promise.all([
    world.detection(machine.launchId, start),
    world.untilGone(pids, machine.launchId),
  ]);
  return { detection, teardown };
}

export const FAULTS_OF_EXECUTORS: readonly Fault[] = [
  {
    name: "kill -9 of an agent",
    befalls: "victim",
    run: (world, random) => signalled(world, random, "SIGKILL"),
  },
  {
    name: "SIGSTOP of an agent, for good",
    befalls: "victim",
    run: (world, random) => signalled(world, random, "SIGSTOP"),
  },
  {
    name: "SIGSTOP of an agent for 1 to 3 s",
    befalls: "victim",
    async run(world, random) {
      const { pid } = random.pick(world.machinesOf(victimOf(world)));
      process.kill(pid, "SIGSTOP");
      await pause(random.between(1_000, 3_000));
      process.kill(pid, "SIGCONT");
      return NOBODY;
    },
  },
  {
    name: "kill -9 of a cell",
    befalls: "victim",
    async run(world, random) {
      const machine = random.pick(world.machinesOf(victimOf(world)));
      await until(async () => (await world.cellsOn([machine])).length > 0);
      const cell = random.pick(await world.cellsOn([machine]));
      const start = performance.now();
      process.kill(cell, "SIGKILL");
      await until(async () => !(await world.cellsOn([machine])).includes(cell), world.bound);
      return { teardown: performance.now() - start };
    },
  },
];
