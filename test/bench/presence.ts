/**
 * What presence costs while nothing happens: the threads of 10 drivers and 100 executors, ten of them each driver's,
 * and the nats-server between them. The floor is the same threads and connections without a beat.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { Bus, Presence, resolveTiming, type Timing } from "@bonfire/runtime/internal";
import { NatsServer } from "../harness/nats.ts";
import { type Figure, median } from "./figure.ts";

const DRIVERS = 10;
const EXECUTORS = 10;
const WINDOW_MS = 4_000;
/** The kernel counts CPU time in hundredths of a second. */
const TICK_MS = 10;
const NEVER_MS = 2 ** 30;

export async function presenceFigure(rounds: number): Promise<Record<string, Figure>> {
  const timing = resolveTiming();
  const quiet = { ...timing, beat: NEVER_MS, suspectAfter: NEVER_MS };
  const floors = await shares(rounds, quiet);
  const values = await shares(rounds, timing);
  const floor = median(floors);
  const value = median(values);
  return {
    "presence.idle": { value, unit: "% of a core", floor, ratio: value / floor, goal: "≤ 1 %" },
  };
}

/** Of each window, how much of a core the threads and the server used, in percent. */
async function shares(rounds: number, timing: Timing): Promise<number[]> {
  await using server = await NatsServer.start();
  await using bus = await Bus.connect({ servers: [server.url] }, "d-bench");
  const parts = { bus, timing, onFenced: () => {} };
  const all: Presence[] = [];
  for (let d = 0; d < DRIVERS; d++) {
    const driver = Presence.start({ ...parts, node: `d-${d}` });
    all.push(driver);
    for (let e = 0; e < EXECUTORS; e++) {
      const executor = Presence.start({ ...parts, node: `e-${d}x${e}` });
      executor.watch(`d-${d}`, () => {});
      driver.watch(`e-${d}x${e}`, () => {});
      all.push(executor);
    }
  }
  await pause(WINDOW_MS);
  const windows: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const own = process.cpuUsage();
    const servers = await cpuMs(server.pid);
    await pause(WINDOW_MS);
    const { user, system } = process.cpuUsage(own);
    const used = (user + system) / 1_000 + (await cpuMs(server.pid)) - servers;
    windows.push((100 * used) / (performance.now() - start));
  }
  await Promise.all(all.map((presence) => presence.close()));
  return windows;
}

async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
