/** Leases and values of each store, against one round trip to the same server: for memory, one turn of a promise. */
import { connect as dial } from "node:net";
import { MemoryStore, type Store } from "@bonfire/runtime";
import { Bus, NatsStore } from "@bonfire/runtime/internal";
import { RedisStore } from "@bonfire/store-redis";
import { NatsServer } from "../harness/nats.ts";
import { RedisServer } from "../harness/redis.ts";
import { type Figure, median, quantile } from "./figure.ts";

const TIMES = 300;
const KB = new Uint8Array(1_024);

export async function storeFigures(rounds: number): Promise<Record<string, Figure>> {
  await using nats = await NatsServer.start({ jetstream: true });
  await using bus = await Bus.connect({ servers: [nats.url] }, "bench-store");
  await using inNats = await NatsStore.open(bus);
  // As NATS does: written at once, on the disk a little later.
  await using redis = await RedisServer.start("--appendfsync", "everysec");
  await using inRedis = await RedisStore.connect({ url: redis.url });
  await using ping = new Ping(redis.port);
  await using inMemory = new MemoryStore();
  return {
    ...(await measure("store.memory", rounds, inMemory, () => Promise.resolve())),
    ...(await measure("store.nats", rounds, inNats, () => bus.flush())),
    ...(await measure("store.redis", rounds, inRedis, () => ping.roundTrip())),
  };
}

async function measure(
  name: string,
  rounds: number,
  store: Store,
  roundTrip: () => Promise<void>,
): Promise<Record<string, Figure>> {
  const tokens: bigint[] = [];
  const token = (i: number) => tokens[i] as bigint;
  const work: Record<string, (i: number) => Promise<unknown>> = {
    acquire: async (i) => {
      tokens[i] = (await store.acquire(`key ${i}`, "bench", "1m"))?.token as bigint;
    },
    refused: (i) => store.acquire(`key ${i}`, "bench", "1m"),
    renew: (i) => store.renew(`key ${i}`, token(i), "1m"),
    put: (i) => store.put(`key ${i}`, KB, token(i)),
    get: (i) => store.get(`key ${i}`),
    release: (i) => store.release(`key ${i}`, token(i)),
  };
  const floors: number[] = [];
  const runs = new Map(Object.keys(work).map((verb) => [verb, [] as number[][]]));
  for (let round = 0; round <= rounds; round++) {
    const floor = await timed(roundTrip);
    if (round > 0) floors.push(median(floor));
    for (const [verb, run] of Object.entries(work)) {
      const took = await timed(run);
      if (round > 0) runs.get(verb)?.push(took); // everything warms up in the first
    }
  }
  const figures = [...runs].map(([verb, took]): [string, Figure] => [
    `${name}.${verb}`,
    {
      value: median(took.map(median)),
      unit: "µs",
      p50: median(took.flat()),
      p99: quantile(took.flat(), 0.99),
      floor: median(floors),
      ratio: median(took.map((one, i) => median(one) / (floors[i] as number))),
    },
  ]);
  return Object.fromEntries(figures);
}

/** Microseconds of each of so many runs, one after another. */
async function timed(run: (i: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now();
    await run(i);
    took.push((performance.now() - start) * 1_000);
  }
  return took;
}

/** Asks Redis for nothing, over a bare socket. */
class Ping implements AsyncDisposable {
  readonly #socket;
  #answered = () => {};

  constructor(port: number) {
    this.#socket = dial(port, "127.0.0.1")
      .setNoDelay()
      .on("data", () => this.#answered());
  }

  roundTrip(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.write("PING\r\n");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}
