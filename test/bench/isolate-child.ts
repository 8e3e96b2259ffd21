/** Builds isolates and prints how long each took, in milliseconds: `{ bare: [], complete: [] }`. */
import { createRequire } from "node:module";
import { GuestIsolate, guestFacts } from "@bonfire/executor/internal";

const require = createRequire(import.meta.resolve("@bonfire/executor"));
const ivm = require("isolated-vm") as {
  Isolate: new (options: { memoryLimit: number }) => { createContextSync(): void; dispose(): void };
};
const facts = JSON.stringify(guestFacts({}, 128, process.cwd()));
const rounds = Number(process.argv[2]);

function milliseconds(make: () => { dispose(): void }): number {
  const start = performance.now();
  const made = make();
  const taken = performance.now() - start;
  made.dispose();
  return taken;
}

function bare(): { dispose(): void } {
  const isolate = new ivm.Isolate({ memoryLimit: 128 });
  isolate.createContextSync();
  return isolate;
}

const taken = { bare: [] as number[], complete: [] as number[] };
// The first of each pays for reading the guest's script.
for (let round = 0; round <= rounds; round++) {
  const floor = milliseconds(bare);
  const complete = milliseconds(() => new GuestIsolate(128, facts));
  if (round === 0) continue;
  taken.bare.push(floor);
  taken.complete.push(complete);
}
console.log(JSON.stringify(taken));
