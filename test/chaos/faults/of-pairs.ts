/** What befalls two drivers that share a pool, of which one supervises it. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../harness/outcome.ts";
import type { MachineRecord } from "../../harness/platform.ts";
import { CALL_MS, type Driver, machineNow } from "../driver.ts";
import type { Times, World } from "../world.ts";
import type { Fault } from "./fault.ts";

const FROZEN_MS = 10_000;

interface Pair {
  readonly supervising: Driver;
  readonly other: Driver;
}

async function pairOf(world: World): Promise<Pair> {
  const [one, two] = world.of("pair") as [Driver, Driver];
  const supervises = async (driver: Driver) => (await driver.place()).supervises;
  let pair: Pair | undefined;
  await until(async () => {
    const [isOne, isTwo] = [await supervises(one), await supervises(two)];
    // In between neither may.
    if (isOne !== isTwo) pair = isOne ? { supervising: one, other: two } : { supervising: two, other: one };
    return pair !== undefined;
  }, CALL_MS);
  return pair as unknown as Pair;
}

/** Does something to one of the pair: what the other one uses of their pool goes on, and its calls do not notice. */
async function bereave(
  world: World,
  { goes, stays }: { goes: Driver; stays: Driver },
  how: () => Promise<Times>,
): Promise<Times> {
  const { cells } = await stays.place();
  // Where the one that stays has no cell, nobody has one when the other is gone.
  const excuse = (machines: readonly MachineRecord[]) =>
    world.excuse(machines.filter(({ launchId }) => !cells.has(launchId)));
  world.mustBear(stays);
  excuse(world.machinesOfPool(stays.pool));
  const start = machineNow();
  // What is to go is the cell that the first has on each machine.
  const isGone = async () => {
    const machines = world.machinesOfPool(stays.pool);
    return (await world.cellsOn(machines)).length <= machines.length;
  };
  const cellsGone = until(isGone, world.bound).then(
    () => machineNow() - start,
    () => world.violate(`cells of the driver that shared ${stays.pool} with ${stays.id} outlive it`),
  );
  const [times, teardown] = await Promise.all([how(), cellsGone]);
  // Those that it was launching when it began.
  excuse([...world.stage.platform.ledger.values()].filter(({ owner }) => owner === goes.id));
  return { ...times, teardown: teardown ?? undefined };
}

const kill = ({ program }: Driver) => program.child.kill("SIGKILL");
const close = ({ program }: Driver) => program.say("close");

export const FAULTS_OF_PAIRS: readonly Fault[] = [
  {
    name: "kill -9 of the driver that supervises a shared pool",
    befalls: "pair",
    async run(world) {
      const { supervising, other } = await pairOf(world);
      return bereave(world, { goes: supervising, stays: other }, () => world.end([supervising], kill));
    },
  },
  {
    name: "clean exit of the driver that supervises a shared pool",
    befalls: "pair",
    async run(world) {
      const { supervising, other } = await pairOf(world);
      await world.rest(supervising);
      return bereave(world, { goes: supervising, stays: other }, () => world.end([supervising], close));
    },
  },
  {
    name: "kill -9 of a driver that shares a pool",
    befalls: "pair",
    async run(world) {
      const { supervising, other } = await pairOf(world);
      return bereave(world, { goes: other, stays: supervising }, () => world.end([other], kill));
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
    async run(world) {
      const { supervising, other } = await pairOf(world);
      const { child } = supervising.program;
      const freeze = async () => {
        const start = machineNow();
        child.kill("SIGSTOP");
        const [detection] = await Promise.all([world.detection(supervising.id, start), pause(FROZEN_MS)]);
        return { detection };
      };
      const times = await bereave(world, { goes: supervising, stays: other }, freeze);
      child.kill("SIGCONT");
      return times;
    },
  },
];
