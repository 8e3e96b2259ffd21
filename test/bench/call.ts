/**
 * A call that does nothing, through the isolate realm, against a raw echo: two plain processes on the same
 * nats-server with the same kind of inbox and no sandbox.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { connect } from "@bonfire/runtime";
import { Bus, PrivateServer, Question, subject } from "@bonfire/runtime/internal";
import { type Figure, median } from "./figure.ts";
import { load, type Run, tail } from "./load.ts";

const SEQUENTIAL = 3_000;
const CONCURRENT = 40_000;
/** As many bytes as the frame of a call without captures and arguments has. */
const FRAME_BYTES = 20;

class Echoed extends Question {
  readonly #settle: { resolve: () => void; reject: (error: Error) => void };
  constructor(settle: { resolve: () => void; reject: (error: Error) => void }) {
    super();
    this.#settle = settle;
  }
  override onReply(): void {
    this.#settle.resolve();
  }
  override onNobody(): void {
    this.#settle.reject(new Error("the echo is gone"));
  }
  override onExpire(): void {
    this.#settle.reject(new Error("the echo does not answer"));
  }
}

/** One echo, of as many bytes as an empty call takes. */
export function rawEcho(bus: Bus): () => Promise<void> {
  const frame = new Uint8Array(FRAME_BYTES);
  const to = subject.call("c-echo", "d-bench");
  return () => {
    const { promise, ...settle } = Promise.withResolvers<void>();
    bus.ask(to, frame, new Echoed(settle), 30_000);
    return promise;
  };
}

export async function callFigures(rounds: number): Promise<Record<string, Figure>> {
  await using server = await PrivateServer.start();
  const echo = fork(join(import.meta.dirname, "echo.ts"), {
    env: { ...process.env, BENCH_NATS: JSON.stringify(server.address) },
  });
  await once(echo, "message");
  await using bus = await Bus.connect(server.address, "d-bench");
  const { user, password } = server.address;
  await using fire = await connect({
    servers: server.address.servers,
    user: user as string,
    password: password as string,
  });
  await using pool = await fire.pool("bench", { min: 1, max: 1, concurrency: 256 });

  const raw = rawEcho(bus);
  const call = () => pool.call(() => {});

  await load(raw, CONCURRENT, 64);
  await load(call, CONCURRENT, 64);
  const widths = { "call.sequential": 1, "call.c64": 64, "call.c256": 256 } as const;
  const goals = {
    "call.sequential": "p50 ≤ 1.25 × floor",
    "call.c64": "≥ 0.5 × floor",
    "call.c256": "≥ 0.5 × floor",
  };
  const figures: Record<string, Figure> = {};
  for (const [name, width] of Object.entries(widths) as [keyof typeof widths, number][]) {
    const count = width === 1 ? SEQUENTIAL : CONCURRENT;
    const floors: Run[] = [];
    const runs: Run[] = [];
    for (let round = 0; round < rounds; round++) {
      floors.push(await load(raw, count, width));
      runs.push(await load(call, count, width));
    }
    const times = tail(runs.flatMap(({ latencies }) => latencies));
    if (width === 1) {
      const p50 = (run: Run) => tail(run.latencies).p50;
      figures[name] = {
        value: median(runs.map(p50)),
        unit: "µs",
        ...times,
        floor: median(floors.map(p50)),
        ratio: median(runs.map((run, i) => p50(run) / p50(floors[i] as Run))),
        goal: goals[name],
      };
    } else {
      figures[name] = {
        value: median(runs.map(({ perSecond }) => perSecond)),
        unit: "calls/s",
        ...times,
        floor: median(floors.map(({ perSecond }) => perSecond)),
        ratio: median(runs.map((run, i) => run.perSecond / (floors[i] as Run).perSecond)),
        goal: goals[name],
      };
    }
  }
  echo.disconnect();
  await once(echo, "exit");
  return figures;
}
