/** What may happen, one at a time. Each resolves with the ms that it is about, if it is about any. */
import { setTimeout as pause } from "node:timers/promises";
import { commandsOf, descendants, untilGone } from "../harness/gone.ts";
import { until } from "../harness/outcome.ts";
import type { Random } from "./random.ts";
import { BOUND_MS, type Driver, type World } from "./world.ts";

export interface Fault {
  readonly name: string;
  /** What the times are. */
  readonly times: string;
  /** Whether `driver` is gone afterwards. */
  readonly ends: boolean;
  run(world: World, driver: Driver, random: Random): Promise<number | undefined>;
}

async function ending(world: World, driver: Driver, end: () => void): Promise<number> {
  const pids = await world.processesOf(driver);
  end();
  return world.untilNothingIsLeft(driver, pids);
}

async function frozen(pid: number, ms: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await pause(ms);
  process.kill(pid, "SIGCONT");
}

export const FAULTS: readonly Fault[] = [
  {
    name: "kill -9 of a driver",
    times: "until nothing is left",
    ends: true,
    run: (world, driver) => ending(world, driver, () => driver.program.child.kill("SIGKILL")),
  },
  {
    name: "clean exit of a driver",
    times: "until nothing is left",
    ends: true,
    async run(world, driver) {
      await world.rest(driver);
      return ending(world, driver, () => driver.program.say("close"));
    },
  },
  {
    name: "SIGSTOP of a driver, for good",
    times: "until nothing is left",
    ends: true,
    run: (world, driver) => ending(world, driver, () => driver.program.child.kill("SIGSTOP")),
  },
  {
    name: "kill -9 of an agent",
    times: "until its driver knows",
    ends: false,
    async run(world, driver, random) {
      const { pid, launchId } = random.pick(world.machinesOf(driver));
      const below = await descendants(pid);
      world.excused.add(launchId);
      const start = performance.now();
      process.kill(pid, "SIGKILL");
      await untilGone(below, BOUND_MS).catch((error: Error) => world.violations.push(error.message));
      await until(() => world.platform.ledger.get(launchId)?.endedAt !== undefined);
      await until(() => driver.program.output.includes(`gone ${launchId}`), BOUND_MS).catch(() =>
        world.violations.push(`${driver.id} never heard of the end of ${launchId}`),
      );
      return performance.now() - start;
    },
  },
  {
    name: "kill -9 of a cell",
    times: "until its processes are gone",
    ends: false,
    async run(world, driver, random) {
      const below = await descendants(random.pick(world.machinesOf(driver)).pid);
      const commands = await Promise.all(below.map((pid) => commandsOf([pid])));
      const cell = below.find((_, i) => /^\S*node .*cell\.js/.test(commands[i] as string));
      if (cell === undefined) return undefined;
      const start = performance.now();
      process.kill(cell, "SIGKILL");
      await untilGone([cell], BOUND_MS);
      return performance.now() - start;
    },
  },
  {
    name: "SIGSTOP of a driver for 1 to 3 s",
    times: "",
    ends: false,
    run: (_, driver, random) => frozen(driver.program.pid, random.between(1_000, 3_000)).then(none),
  },
  {
    name: "SIGSTOP of an agent for 1 to 3 s",
    times: "",
    ends: false,
    run: (world, driver, random) =>
      frozen(random.pick(world.machinesOf(driver)).pid, random.between(1_000, 3_000)).then(none),
  },
  {
    name: "kill -9 of nats-server, back after 0 to 4 s",
    times: "",
    ends: false,
    async run(world, _, random) {
      await world.server.kill();
      await pause(random.between(0, 4_000));
      await world.server.restart();
      return undefined;
    },
  },
  {
    name: "a network that drops everything for 1 to 3 s",
    times: "",
    ends: false,
    async run(world, _, random) {
      world.relay.silence();
      await pause(random.between(1_000, 3_000));
      world.relay.heal();
      return undefined;
    },
  },
  {
    name: "connections that are reset for 50 to 500 ms",
    times: "",
    ends: false,
    async run(world, _, random) {
      world.relay.refuse();
      await pause(random.between(50, 500));
      world.relay.heal();
      return undefined;
    },
  },
];

function none(): undefined {
  return undefined;
}
