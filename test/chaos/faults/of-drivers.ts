/** What befalls the driver that has a pool of its own. */
import { setTimeout as pause } from "node:timers/promises";
import { type Driver, machineNow } from "../driver.ts";
import type { Times, World } from "../world.ts";
import { type Fault, NOBODY } from "./fault.ts";

export function victimOf(world: World): Driver {
  return world.of("victim")[0] as Driver;
}

function ended(world: World, how: (driver: Driver) => void): Promise<Times> {
  return world.end([victimOf(world)], how);
}

/** The driver is out for `ms`, between `begin` and `end`: long enough that its executors go, or too short for that. */
export async function out(
  world: World,
  driver: Driver,
  { ms, isGone }: { ms: number; isGone: boolean },
  begin: () => unknown,
  end: () => unknown,
): Promise<Times> {
  const machines = world.machinesOf(driver);
  const pids = await world.processesOn(machines);
  const start = machineNow();
  if (isGone) world.excuse(machines);
  await begin();
  if (!isGone) {
    await pause(ms);
    await end();
    return NOBODY;
  }
  const least = pause(ms);
  const [detection, teardown] = await Promise.all([
    world.detection(driver.id, start),
    world.untilGone(pids, driver.id),
    least,
  ]);
  // A machine that was booting then is of no use either.
  world.excuse(world.machinesOf(driver));
  await end();
  return { detection, teardown };
}

export function frozen(world: World, driver: Driver, ms: number, isGone = false): Promise<Times> {
  const { child } = driver.program;
  return out(
    world,
    driver,
    { ms, isGone },
    () => child.kill("SIGSTOP"),
    () => child.kill("SIGCONT"),
  );
}

export const FAULTS_OF_DRIVERS: readonly Fault[] = [
  {
    name: "kill -9 of a driver",
    befalls: "victim",
    run: (world) => ended(world, ({ program }) => program.child.kill("SIGKILL")),
  },
  {
    name: "clean exit of a driver",
    befalls: "victim",
    async run(world) {
      await world.rest(victimOf(world));
      return ended(world, ({ program }) => program.say("close"));
    },
  },
  {
    name: "SIGSTOP of a driver, for good",
    befalls: "victim",
    run: (world) => ended(world, ({ program }) => program.child.kill("SIGSTOP")),
  },
  {
    name: "SIGSTOP of a driver for 10 s",
    befalls: "victim",
    run: (world) => frozen(world, victimOf(world), 10_000, true),
  },
  {
    name: "SIGSTOP of a driver for 1 to 3 s",
    befalls: "victim",
    run: (world, random) => frozen(world, victimOf(world), random.between(1_000, 3_000)),
  },
];
