/** Actors in cells of an executor, in both realms: what it takes to start one, and asking it against a raw echo. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Actor, connect, type Pool } from "@bonfire/runtime";
import { Bus, PrivateServer } from "@bonfire/runtime/internal";
import { rawEcho } from "./call.ts";
import { type Figure, median } from "./figure.ts";
import { load, type Run, tail } from "./load.ts";

class Adder extends Actor {
  #value = 0;
  add(n: number): number {
    this.#value += n;
    return this.#value;
  }
}

const SPAWNS = 20;
const SEQUENTIAL = 3_000;
const CONCURRENT = 40_000;

export async function executorActorFigures(rounds: number): Promise<Record<string, Figure>> {
  await using server = await PrivateServer.start();
  const { address } = server;
  const env = { ...process.env, BENCH_NATS: JSON.stringify(address) };
  const echo = fork(join(import.meta.dirname, "echo.ts"), { env });
  await once(echo, "message");
  await using bus = await Bus.connect(address, "d-bench");
  const { servers, user, password } = address;
  await using fire = await connect({ servers, user: user as string, password: password as string });
  const raw = rawEcho(bus);
  const figures: Record<string, Figure> = {};
  for (const realm of ["isolate", "process"] as const) {
    await using pool = await fire.pool(`bench-${realm}`, { realm, min: 1, max: 1, concurrency: 4 });
    const adder = await pool.spawn(Adder, []);
    const ask = () => adder.add(1);
    for (const operation of [raw, ask]) await load(operation, CONCURRENT, 64);
    for (const [name, width] of [
      ["c1", 1],
      ["c64", 64],
    ] as const) {
      const count = width === 1 ? SEQUENTIAL : CONCURRENT;
      const floors: Run[] = [];
      const asks: Run[] = [];
      for (let round = 0; round < rounds; round++) {
        floors.push(await load(raw, count, width));
        asks.push(await load(ask, count, width));
      }
      const value = (run: Run) => (width === 1 ? tail(run.latencies).p50 : run.perSecond);
      figures[`actor.ask.executor.${realm}.${name}`] = {
        value: median(asks.map(value)),
        unit: width === 1 ? "µs" : "asks/s",
        ...tail(asks.flatMap(({ latencies }) => latencies)),
        floor: median(floors.map(value)),
        ratio: median(asks.map((run, index) => value(run) / value(floors[index] as Run))),
        goal: width === 1 ? "p50 ≤ 1.25 × floor" : "≥ 0.6 × floor",
      };
    }
    figures[`actor.spawn.executor.${realm}`] = await spawnFigure(pool, rounds, (ref) => fire.stop(ref));
  }
  echo.disconnect();
  await once(echo, "exit");
  return figures;
}

/** From the call until the ref is there, on an executor that has done it before; one at a time. */
async function spawnFigure(
  pool: Pool,
  rounds: number,
  stop: (ref: { readonly address: string }) => Promise<void>,
): Promise<Figure> {
  const latencies: number[] = [];
  for (let spawn = 0; spawn < SPAWNS * rounds; spawn++) {
    const start = performance.now();
    const ref = await pool.spawn(Adder, []);
    latencies.push((performance.now() - start) * 1_000);
    await stop(ref);
  }
  return { value: median(latencies) / 1_000, unit: "ms", ...tail(latencies) };
}
