/** The thread that speaks for a driver, so that a blocked main thread does not look dead. */
import { parentPort, workerData } from "node:worker_threads";
import { Bus } from "../bus/bus.ts";
import type { NatsAddress } from "../bus/connection.ts";
import { Beater } from "./beater.ts";
import type { Timing } from "./timing.ts";

const { address, node, timing } = workerData as { address: NatsAddress; node: string; timing: Timing };
const bus = await Bus.connect(address, `${node}-presence`);
const beater = new Beater(bus, node, timing);
await bus.flush();

parentPort?.once("message", async () => {
  await beater.bye();
  await bus.close();
  parentPort?.close();
});
parentPort?.postMessage("beating");
