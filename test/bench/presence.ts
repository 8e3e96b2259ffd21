/**
 * What presence costs while nothing happens: the threads of 10 drivers and 100 executors, ten of them each driver's,
 * and the nats-server between them. The floor is as many threads that are woken as often by a bare TCP socket, and answer.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Bus, Presence, resolveTiming, subject } from "@bonfire/runtime/internal";
import { NatsServer } from "../harness/nats.ts";
import { type Figure, median } from "./figure.ts";

const DRIVERS = 10;
const EXECUTORS = 10;
const WINDOW_MS = 4_000;
/** After the start of so many threads V8 goes on compiling and collecting for a while. */
const SETTLE_MS = 8_000;
/** The kernel counts CPU time in hundredths of a second. */
const TICK_MS = 10;
const TIMING = resolveTiming();

export async function presenceFigure(rounds: number): Promise<Record<string, Figure>> {
  const floor = median(await woken(rounds));
  const value = median(await present(rounds));
  return {
    "presence.idle": { value, unit: "% of a core", floor, ratio: value / floor, goal: "≤ 1 %" },
  };
}

async function present(rounds: number): Promise<number[]> {
  await using server = await NatsServer.start();
  await using bus = await Bus.connect({ servers: [server.url] }, "d-bench");
  const all: Presence[] = [];
  const begun: Promise<void>[] = [];
  const start = (node: string) => {
    begun.push(firstBeat(bus, node));
    const presence = Presence.start({ bus, timing: TIMING, onFenced: () => {}, node });
    all.push(presence);
    return presence;
  };
  for (let d = 0; d < DRIVERS; d++) {
    const driver = start(`d-${d}`);
    for (let e = 0; e < EXECUTORS; e++) {
      start(`e-${d}x${e}`).watch(`d-${d}`, () => {});
      driver.watch(`e-${d}x${e}`, () => {});
    }
  }
  await Promise.all(begun);
  const windows = await shares(rounds, server.pid);
  await Promise.all(all.map((presence) => presence.close()));
  return windows;
}

async function woken(rounds: number): Promise<number[]> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.setNoDelay(true).resume())).listen(
    0,
    "127.0.0.1",
  );
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const threads = Array.from(
    { length: DRIVERS * (1 + EXECUTORS) },
    () => new Worker(new URL("./woken.ts", import.meta.url), { workerData: port }),
  );
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once("online", resolve))));
  const waking = setInterval(() => {
    for (const socket of sockets) socket.write(new Uint8Array(8));
  }, TIMING.beat);
  const windows = await shares(rounds);
  clearInterval(waking);
  const ended = threads.map((thread) => new Promise((resolve) => thread.once("exit", resolve)));
  for (const socket of sockets) socket.end();
  server.close();
  await Promise.all(ended);
  return windows;
}

/** Of each window, how much of a core this process and another used, in percent. */
async function shares(rounds: number, other?: number): Promise<number[]> {
  await pause(SETTLE_MS);
  const windows: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const own = process.cpuUsage();
    const before = other === undefined ? 0 : await cpuMs(other);
    await pause(WINDOW_MS);
    const { user, system } = process.cpuUsage(own);
    const used = (user + system) / 1_000 + (other === undefined ? 0 : (await cpuMs(other)) - before);
    windows.push((100 * used) / (performance.now() - start));
  }
  return windows;
}

function firstBeat(bus: Bus, node: string): Promise<void> {
  return new Promise((resolve) => {
    const beats = bus.subscribe(subject.beat(node), () => {
      beats.unsubscribe();
      resolve();
    });
  });
}

async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
