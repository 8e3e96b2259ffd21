/**
 * Asking an actor of another process, against a raw echo on the same nats-server, and against a Moleculer service of
 * that very process; then what actors cost in time to start and in memory.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { connect } from "@bonfire/runtime";
import { Bus, PrivateServer } from "@bonfire/runtime/internal";
import { type Adder, Idle, moleculer } from "./actor-host.ts";
import { rawEcho } from "./call.ts";
import { type Figure, median } from "./figure.ts";
import { load, type Run, tail } from "./load.ts";

const SEQUENTIAL = 3_000;
const CONCURRENT = 40_000;
const TELLS = 40_000;
const ACTORS = 10_000;

export async function actorFigures(rounds: number): Promise<Record<string, Figure>> {
  await using server = await PrivateServer.start();
  const { address } = server;
  const env = { ...process.env, BENCH_NATS: JSON.stringify(address) };
  const echo = fork(join(import.meta.dirname, "echo.ts"), { env });
  const host = fork(join(import.meta.dirname, "actor-host.ts"), { env });
  const [[adder]] = await Promise.all([once(host, "message"), once(echo, "message")]);
  await using bus = await Bus.connect(address, "d-bench");
  const { servers, user, password } = address;
  await using fire = await connect({ servers, user: user as string, password: password as string });
  const broker = moleculer("bench-driver", address);
  await broker.start();
  await broker.waitForServices("adder");

  const raw = rawEcho(bus);
  const ref = fire.ref<Adder>(adder);
  const ask = () => ref.add(1);
  const peer = () => broker.call("adder.add", { n: 1 });
  /** Tells in batches, each followed by an ask, so that no queue grows beyond a batch. */
  const tells = async (count: number) => {
    const start = performance.now();
    for (let sent = 0; sent < count; sent += 1_000) {
      for (let i = 1; i < 1_000; i++) ref.tell.add(1);
      await ref.add(1);
    }
    return count / ((performance.now() - start) / 1_000);
  };

  for (const operation of [raw, ask, peer]) await load(operation, CONCURRENT, 64);
  const figures: Record<string, Figure> = {};
  for (const [name, width] of [
    ["c1", 1],
    ["c64", 64],
  ] as const) {
    const count = width === 1 ? SEQUENTIAL : CONCURRENT;
    const runs: Record<"floor" | "ask" | "peer", Run[]> = { floor: [], ask: [], peer: [] };
    for (let round = 0; round < rounds; round++) {
      runs.floor.push(await load(raw, count, width));
      runs.ask.push(await load(ask, count, width));
      runs.peer.push(await load(peer, count, width));
    }
    const value = (run: Run) => (width === 1 ? tail(run.latencies).p50 : run.perSecond);
    const figure = (of: Run[], goal?: string): Figure => ({
      value: median(of.map(value)),
      unit: width === 1 ? "µs" : "asks/s",
      ...tail(of.flatMap(({ latencies }) => latencies)),
      floor: median(runs.floor.map(value)),
      ratio: median(of.map((run, i) => value(run) / value(runs.floor[i] as Run))),
      ...(goal !== undefined && { goal }),
    });
    figures[`actor.ask.${name}`] = figure(
      runs.ask,
      width === 1 ? "p50 ≤ 1.25 × floor" : "≥ 0.6 × floor, ≥ Moleculer",
    );
    figures[`actor.moleculer.${name}`] = figure(runs.peer);
  }

  const tellRates: number[] = [];
  for (let round = 0; round < rounds; round++) tellRates.push(await tells(TELLS));
  figures["actor.tell"] = { value: median(tellRates), unit: "tells/s" };
  Object.assign(figures, await idleFigures(rounds));

  await broker.stop();
  for (const child of [host, echo]) {
    child.disconnect();
    await once(child, "exit");
  }
  return figures;
}

/** Many actors of this process, that have each handled a message and do nothing. */
async function idleFigures(rounds: number): Promise<Record<string, Figure>> {
  const collect = globalThis.gc as () => void;
  const rates: number[] = [];
  const sizes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using fire = await connect();
    collect();
    const before = process.memoryUsage().heapUsed;
    const start = performance.now();
    const refs = [];
    for (let i = 0; i < ACTORS; i++) refs.push(await fire.spawn(Idle, []));
    rates.push(ACTORS / ((performance.now() - start) / 1_000));
    await Promise.all(refs.map((ref) => ref.hit()));
    collect();
    sizes.push((process.memoryUsage().heapUsed - before) / refs.length);
  }
  return {
    "actor.spawn": { value: median(rates), unit: "spawns/s" },
    "actor.memory": { value: median(sizes), unit: "bytes" },
  };
}
