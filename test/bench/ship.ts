/** Bytes captured by a call, against the same bytes over TCP from one Node process to another through a third. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type Socket, connect as tcp } from "node:net";
import { join } from "node:path";
import { connect } from "@bonfire/runtime";
import { type Figure, median, quantile } from "./figure.ts";

const MB = 1_000_000;

export async function shipFigures(rounds: number): Promise<Record<string, Figure>> {
  const children: ChildProcess[] = [];
  const start = async (program: string, env: NodeJS.ProcessEnv = {}) => {
    const child = fork(join(import.meta.dirname, program), { env: { ...process.env, ...env } });
    children.push(child);
    return (await once(child, "message"))[0] as number;
  };
  const sink = await start("sink.ts");
  const socket = tcp(await start("relay.ts", { BENCH_SINK: String(sink) }), "127.0.0.1");
  await once(socket, "connect");
  await using fire = await connect();
  await using pool = await fire.pool("ship", { min: 1, max: 1, memory: 1_024, maxCaptureBytes: 256 * MB });

  const figures: Record<string, Figure> = {};
  for (const [name, size, times] of [
    ["ship.1MB", MB, 20],
    ["ship.100MB", 100 * MB, 1],
  ] as const) {
    const bytes = new Uint8Array(size).map((_, i) => i);
    const floors: number[] = [];
    const runs: number[] = [];
    const latencies: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      let begin = performance.now();
      for (let i = 0; i < times; i++) await overTcp(socket, bytes);
      const floor = (size * times) / MB / ((performance.now() - begin) / 1_000);
      begin = performance.now();
      for (let i = 0; i < times; i++) {
        const before = performance.now();
        const length = await pool.call({ bytes }, ({ bytes }) => bytes.length);
        if (length !== size) throw new Error(`${length} of ${size} bytes arrived`);
        if (round > 0) latencies.push((performance.now() - before) * 1_000);
      }
      const run = (size * times) / MB / ((performance.now() - begin) / 1_000);
      if (round === 0) continue; // connections and heaps grow in it
      floors.push(floor);
      runs.push(run);
    }
    figures[name] = {
      value: median(runs),
      unit: "MB/s",
      p50: median(latencies),
      p99: quantile(latencies, 0.99),
      floor: median(floors),
      ratio: median(runs.map((run, i) => run / (floors[i] as number))),
      goal: "≥ 0.7 × floor in the end",
    };
  }
  socket.destroy();
  for (const child of children) child.disconnect();
  await Promise.all(children.map((child) => once(child, "exit")));
  return figures;
}

async function overTcp(socket: Socket, bytes: Uint8Array): Promise<void> {
  const announced = Buffer.alloc(8);
  announced.writeDoubleLE(bytes.length);
  const answered = once(socket, "data");
  socket.write(announced);
  socket.write(bytes);
  await answered;
}
