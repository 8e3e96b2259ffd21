/**
 * The model-based test of actors by itself.
 *
 *     pnpm test:model                                     500 sequences of a new seed
 *     pnpm test:model --sequences 5000 --seed 7 --minutes 10
 *     pnpm test:model --kind quiet --seed 7 --path 12:3   again what failed, as it was printed
 */
import { parseArgs } from "node:util";
import { KINDS, type Kind } from "./commands.ts";
import { model } from "./model.ts";
import { summary } from "./summary.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    sequences: { type: "string", default: "500" },
    minutes: { type: "string" },
    kind: { type: "string" },
    path: { type: "string" },
    replay: { type: "string" },
  },
});
if (values.kind !== undefined && !(KINDS as readonly string[]).includes(values.kind)) {
  throw new Error(`--kind must be one of ${KINDS.join(", ")}, got ${JSON.stringify(values.kind)}`);
}
const seed = values.seed === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(values.seed);
console.log(`seed ${seed}`);
const start = performance.now();
let shown = 0;
const { kind, path, replay, minutes } = values;
const result = await model({
  seed,
  sequences: Number(values.sequences),
  ...(minutes !== undefined && { minutes: Number(minutes) }),
  ...(kind !== undefined && {
    replay: {
      kind: kind as Kind,
      ...(path !== undefined && { path }),
      ...(replay !== undefined && { replayPath: replay }),
    },
  }),
  onProgress(done, all) {
    const seconds = Math.floor((performance.now() - start) / 1_000);
    if (seconds < shown + 10) return;
    shown = seconds;
    console.log(`${done} of ${all} sequences, ${seconds} s`);
  },
});
console.log(summary(result, performance.now() - start));
if (result.failure !== undefined) {
  console.error(result.failure);
  process.exitCode = 1;
}
