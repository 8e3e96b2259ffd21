/** What befalls two drivers that share a pool, of which one supervises it. */
import { until } from "../../harness/outcome.ts";
import { type Driver, machineNow } from "../driver.ts";
import type { Times, World } from "../world.ts";
import type { Fault } from "./fault.ts";
import { frozen } from "./of-drivers.ts";

/** The one that has launched the pool's machines, and the other. */
function pairOf(world: World): { supervising: Driver; other: Driver } {
  const pair = world.of("pair");
  const supervising = pair.find((driver) => world.machinesOf(driver).length > 0) as Driver;
  return { supervising, other: pair.find((driver) => driver !== supervising) as Driver };
}

const kill = ({ program }: Driver) => program.child.kill("SIGKILL");

export const FAULTS_OF_PAIRS: readonly Fault[] = [
  {
    name: "kill -9 of the driver that supervises a shared pool",
    befalls: "pair",
    run: (world) => world.end([pairOf(world).supervising], kill),
  },
  {
    name: "kill -9 of a driver that shares a pool",
    befalls: "pair",
    async run(world): Promise<Times> {
      const { supervising, other } = pairOf(world);
      const start = machineNow();
      const times = await world.end([other], kill);
      // What is left to go is its cell on each machine, as the pool is another's too.
      const machines = world.machinesOf(supervising);
      await until(async () => (await world.cellsOn(machines)).length <= machines.length, world.bound).catch(
        () => world.violate(`cells of ${other.id} outlive it`),
      );
      return { ...times, teardown: machineNow() - start };
    },
  },
  {
    name: "kill -9 of all drivers of a shared pool",
    befalls: "pair",
    run: (world) => world.end(world.of("pair"), kill),
  },
  {
    name: "SIGSTOP for 10 s of the driver that supervises a shared pool",
    befalls: "pair",
    run: (world) => frozen(world, pairOf(world).supervising, 10_000, true),
  },
];
