/** Random faults, one after another, on a world that has to stay as it should be. */
import { setTimeout as pause } from "node:timers/promises";
import { FAULTS } from "./faults.ts";
import { Random } from "./random.ts";
import { World } from "./world.ts";

/** After a fault, so long for whoever would judge wrongly to do so. */
const AFTER_MS = 1_500;
const MORE_MB = 48;
const MORE_HANDLES = 16;

export interface Outcome {
  readonly violations: readonly string[];
  readonly calls: { readonly started: number; readonly ended: number; readonly failed: number };
  /** By fault: how often, and the times in ms. */
  readonly faults: ReadonlyMap<string, { readonly times: string; count: number; readonly ms: number[] }>;
}

export async function chaos(seconds: number, seed: number): Promise<Outcome> {
  const random = new Random(seed);
  const faults: Outcome["faults"] = new Map(
    FAULTS.map(({ name, times }) => [name, { times, count: 0, ms: [] as number[] }]),
  );
  await using world = await World.start(random.below(2) === 0);
  // Faults are done to the others; this one only has to bear what befalls everyone.
  const witness = await world.addDriver(true);
  let victim = await world.addDriver();
  const before = await world.usageOf(witness);
  const end = performance.now() + seconds * 1_000;
  let bag: (typeof FAULTS)[number][] = [];
  while (performance.now() < end && world.violations.length === 0) {
    // Each kind once before any comes again, in an order that the seed determines.
    if (bag.length === 0) bag = [...FAULTS];
    const fault = bag.splice(random.below(bag.length), 1)[0] as (typeof FAULTS)[number];
    const took = await fault.run(world, victim, random);
    const record = faults.get(fault.name) as { count: number; ms: number[] };
    record.count++;
    if (took !== undefined) record.ms.push(took);
    if (fault.ends) {
      await victim.program[Symbol.asyncDispose]();
      victim = await world.addDriver();
    }
    await pause(AFTER_MS);
    for (const driver of world.drivers) await world.untilWell(driver);
    world.checkTeardowns(fault.name);
  }
  for (const driver of [...world.drivers]) await world.rest(driver);
  const after = await world.usageOf(witness);
  if (after.mb > before.mb + MORE_MB)
    world.violations.push(`memory grew from ${before.mb} to ${after.mb} MB`);
  if (after.handles > before.handles + MORE_HANDLES)
    world.violations.push(`handles grew from ${before.handles} to ${after.handles}`);
  for (const driver of [...world.drivers]) {
    const pids = await world.processesOf(driver);
    driver.program.say("close");
    await world.untilNothingIsLeft(driver, pids);
    await driver.program[Symbol.asyncDispose]();
  }
  return { violations: world.violations, calls: world.calls, faults };
}
