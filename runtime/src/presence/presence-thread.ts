/** The thread that beats and judges for a process, so that a blocked main thread neither looks dead nor errs. */
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { hasCode } from "@bonfire/wire";
import { Bus } from "../bus/bus.ts";
import { Beater } from "./beater.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.ts";
import { Watcher } from "./watcher.ts";

const AGAIN_MS = 100;
const { address, node, timing, nodes, watches } = workerData as ThreadStart;
const say = (message: FromThread) => parentPort?.postMessage(message);

const bus = await join();
const beater = new Beater(bus, timing, (node, detail) => say({ kind: "fenced", node, detail }));
// Drivers decide who is gone: an executor that sees only part of the network must not end anyone but itself.
const watcher = new Watcher(bus, timing, { fences: node.startsWith("d-"), onBeat: () => beater.answer() });

const watch = ({ watch, node }: ThreadStart["watches"][number]) =>
  watcher.watch(node, (detail) => say({ kind: "gone", watch, node, detail }));

/** The process has a link of its own, or had: what keeps this one away passes, and others count the time until then. */
async function join(): Promise<Bus> {
  for (;;) {
    try {
      return await Bus.connect(address, `${node}-presence`, { pings: false });
    } catch (error) {
      if (!hasCode(error, "NATS_UNREACHABLE")) throw error;
      await pause(AGAIN_MS);
    }
  }
}

async function close(detail: string | undefined): Promise<void> {
  beater.close(detail);
  watcher.close();
  await bus.close();
  parentPort?.close();
}

parentPort?.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "speak":
      return beater.add(message.node);
    case "bye":
      return beater.remove(message.node, message.detail);
    case "watch":
      return watch(message);
    case "unwatch":
      return watcher.unwatch(message.node);
    case "close":
      return void close(message.detail);
  }
});

for (const node of nodes) beater.add(node);
for (const wanted of watches) watch(wanted);
// Not by flush, which fails while the link is down: it comes back by itself.
await bus.drain();
say({ kind: "up" });
