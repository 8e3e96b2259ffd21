// node main.ts [--seconds 20]
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Line } from "./actors.ts";
import { load } from "./load.ts";
import { end, natsServer, start } from "./processes.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "20" } } });
const ms = Number(values.seconds) * 1_000;
const rooms = Array.from({ length: 8 }, (_, n) => `room-${n}`);

await using nats = await natsServer();
await using front = await start("front.ts", nats.url);
await using victim = await start("service.ts", nats.url);
await using _other = await start("service.ts", nats.url);
console.log(`a front on ${front.says} and two services; one of these is killed after ${ms / 4 / 1_000} s`);

const loading = load(front.says, rooms, 16, ms);
await pause(ms / 4);
await end(victim.child, "SIGKILL");
console.log("killed one with -9");
await pause(ms / 8);
await using _again = await start("service.ts", nats.url);
console.log("started it again");
const { requests, limited, failures, gaps, accepted } = await loading;

let lost = 0;
for (const [room, ids] of accepted) {
  const lines = (await (await fetch(`${front.says}/rooms/${room}`)).json()) as Line[];
  const kept = new Set(lines.map(({ id }) => id));
  for (const id of ids) if (!kept.has(id)) lost++;
}
const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
console.table({
  requests,
  "turned away by the rate limiter": limited,
  failed:
    failed === 0 ? 0 : `${failed} (${[...failures].map(([code, count]) => `${count} ${code}`).join(", ")})`,
  "longest outage of a room": `${Math.round(Math.max(...gaps.values()))} ms`,
  "lines lost": lost,
});
