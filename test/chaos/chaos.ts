/** Random faults, one after another, on a world that has to stay as it should be. */
import { setTimeout as pause } from "node:timers/promises";
import type { Driver } from "./driver.ts";
import type { Fault } from "./faults/fault.ts";
import { FAULTS } from "./faults/faults.ts";
import { checkTurns } from "./holder.ts";
import { Log } from "./log.ts";
import { Random } from "./random.ts";
import { setStage } from "./stage.ts";
import { World } from "./world.ts";

/** After a fault, so long for whoever would judge wrongly to do so. */
const AFTER_MS = 1_500;
const MORE_MB = 48;
const MORE_HANDLES = 16;

export interface FaultRecord {
  count: number;
  readonly detections: number[];
  readonly teardowns: number[];
}

export interface Outcome {
  readonly violations: readonly string[];
  readonly calls: { readonly started: number; readonly ended: number; readonly failed: number };
  readonly ran: number;
  readonly machines: number;
  readonly turns: number;
  readonly holders: number;
  readonly faults: ReadonlyMap<string, FaultRecord>;
  /** The faults that cannot be done here, and why. */
  readonly skipped: ReadonlyMap<string, string>;
}

export interface ChaosOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly logFile: string;
  /** What `insideNetworks` has said. */
  readonly noNetworks: string | undefined;
  /** Called after each fault, with the seconds that have passed. */
  readonly onProgress?: (seconds: number, faults: number, violations: number) => void;
}

export async function chaos({
  seconds,
  seed,
  logFile,
  noNetworks,
  onProgress,
}: ChaosOptions): Promise<Outcome> {
  const random = new Random(seed);
  const [hints, storeOfPair] = [random.below(2) === 0, random.pick(["nats", "redis"] as const)];
  await using log = new Log(logFile);
  log.write("start", { seed, hints, storeOfPair });
  await using stage = await setStage(hints, noNetworks);
  await using world = new World(stage, log, storeOfPair);
  await world.refill();
  const [witness] = world.of("witness") as [Driver];
  const before = await world.usageOf(witness);

  const faults = new Map<string, FaultRecord>();
  const skipped = new Map<string, string>();
  for (const fault of FAULTS) {
    const why = fault.skipped?.(world);
    if (why === undefined) faults.set(fault.name, { count: 0, detections: [], teardowns: [] });
    else skipped.set(fault.name, why);
  }
  let bag: Fault[] = [];
  while (log.seconds < seconds && world.violations.length === 0) {
    // Each kind once before any comes again, in an order that the seed determines.
    if (bag.length === 0) bag = FAULTS.filter(({ name }) => !skipped.has(name));
    const fault = bag.splice(random.below(bag.length), 1)[0] as Fault;
    log.write("fault", { name: fault.name });
    const { detection, teardown } = await fault.run(world, random);
    log.write("over", { name: fault.name, detection, teardown });
    const record = faults.get(fault.name) as FaultRecord;
    record.count++;
    if (detection !== undefined) record.detections.push(detection);
    if (teardown !== undefined) record.teardowns.push(teardown);
    await world.refill();
    await pause(AFTER_MS);
    await world.check(fault.name);
    onProgress?.(log.seconds, sum(faults), world.violations.length);
  }

  for (const driver of world.drivers) await world.rest(driver);
  const after = await world.usageOf(witness);
  log.write("usage of the witness", { before, after });
  if (after.mb > before.mb + MORE_MB) world.violate(`memory grew from ${before.mb} to ${after.mb} MB`);
  if (after.handles > before.handles + MORE_HANDLES)
    world.violate(`handles grew from ${before.handles} to ${after.handles}`);
  // The witness last, as it sees the others go.
  for (const driver of [...world.drivers].reverse()) {
    const pids = await world.processesOn(world.machinesOnlyOf([driver]));
    world.drivers.splice(world.drivers.indexOf(driver), 1);
    driver.program.say("close");
    await world.untilGone(pids, driver.id);
    await driver.program[Symbol.asyncDispose]();
  }
  const { violations, turns, holders } = checkTurns(stage.turns);
  for (const sentence of violations) world.violate(sentence);
  return {
    violations: [...new Set(world.violations)],
    calls: world.calls,
    ran: stage.runs.total,
    machines: stage.platform.ledger.size,
    turns,
    holders,
    faults,
    skipped,
  };
}

function sum(faults: ReadonlyMap<string, FaultRecord>): number {
  return [...faults.values()].reduce((total, { count }) => total + count, 0);
}
