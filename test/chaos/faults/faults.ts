import type { Fault } from "./fault.ts";
import { FAULTS_OF_ALL } from "./of-all.ts";
import { FAULTS_OF_CABLES } from "./of-cables.ts";
import { FAULTS_OF_DRIVERS } from "./of-drivers.ts";
import { FAULTS_OF_EXECUTORS } from "./of-executors.ts";
import { FAULTS_OF_PAIRS } from "./of-pairs.ts";

const SINGLE = [
  ...FAULTS_OF_DRIVERS,
  ...FAULTS_OF_EXECUTORS,
  ...FAULTS_OF_CABLES,
  ...FAULTS_OF_PAIRS,
  ...FAULTS_OF_ALL,
];

/** Two at once, which befall different ones. */
const TWO: Fault = {
  name: "two of these at once",
  befalls: "all",
  async run(world, random) {
    const possible = SINGLE.filter((fault) => !fault.skipped?.(world));
    const first = random.pick(possible);
    const second = random.pick(possible.filter(({ befalls }) => befalls !== first.befalls));
    world.log.write("two at once", { first: first.name, second: second.name });
    world.isDouble = true;
    const [a, b] = await Promise.all([first.run(world, random), second.run(world, random)]);
    world.isDouble = false;
    const later = (x = Number.NaN, y = Number.NaN) => [x, y].filter((ms) => ms >= 0).sort((p, q) => q - p)[0];
    return { detection: later(a.detection, b.detection), teardown: later(a.teardown, b.teardown) };
  },
};

export const FAULTS: readonly Fault[] = [...SINGLE, TWO];
