/**
 * Speed as ratios to a floor that is measured in the same run, in turn with it, as machines differ and drift.
 *
 *     pnpm bench                    a table
 *     pnpm --silent bench --json    one JSON object: { machine, figures }
 *     pnpm bench ship               only figures whose name contains the word
 *     --rounds N                    rounds of each (7); a figure is the median of its rounds
 */
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { actorFigures } from "./actor.ts";
import { executorActorFigures } from "./actor-executor.ts";
import { callFigures } from "./call.ts";
import { captureFigures } from "./capture.ts";
import { coldFigure } from "./cold.ts";
import { decideFigures } from "./decide.ts";
import type { Figure } from "./figure.ts";
import { isolateFigure } from "./isolate.ts";
import { presenceFigure } from "./presence.ts";
import { shipFigures } from "./ship.ts";
import { storeFigures } from "./store.ts";
import { waitingFigures } from "./waiting.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, rounds: { type: "string", default: "7" } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`--rounds takes a whole number from 1 up, got ${values.rounds}`);

const groups: [names: readonly string[], measure: (rounds: number) => Promise<Record<string, Figure>>][] = [
  [["call.sequential", "call.c64", "call.c256"], callFigures],
  [["pool.waiting", "pool.queue", "pool.cancel"], waitingFigures],
  [["actor.ask.c1", "actor.ask.c64", "actor.tell", "actor.spawn", "actor.memory"], actorFigures],
  [["actor.spawn.executor", "actor.ask.executor"], executorActorFigures],
  [["cold.first-call"], coldFigure],
  [["isolate.complete"], isolateFigure],
  [["ship.1MB", "ship.100MB"], shipFigures],
  [
    [
      "capture.thunk",
      "capture.encoded",
      "capture.inspector",
      "bundle.warm",
      "transform.sites",
      "transform.plain",
    ],
    captureFigures,
  ],
  [["presence.idle"], presenceFigure],
  [["pool.decide"], decideFigures],
  [["store.memory", "store.nats", "store.redis"], storeFigures],
];

const figures: Record<string, Figure> = {};
for (const [names, measure] of groups) {
  const wanted = names.some(
    (name) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
  );
  if (wanted) Object.assign(figures, await measure(rounds));
}

const machine = {
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
};
if (values.json) console.log(JSON.stringify({ machine, figures }));
else {
  console.log(
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}, ${rounds} rounds\n`,
  );
  console.table(
    Object.fromEntries(
      Object.entries(figures).map(([name, { value, unit, p50, p99, floor, ratio, goal }]) => [
        name,
        {
          value: round(value),
          unit,
          p50: round(p50),
          p99: round(p99),
          floor: round(floor),
          ratio: round(ratio),
          goal,
        },
      ]),
    ),
  );
}

function round(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toPrecision(4));
}
