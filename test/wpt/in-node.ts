/** Runs a script in a worker of plain Node: what the isolate has to be like. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Script, Subtest } from "./suite-file.ts";

const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
// Some tests reject on purpose; in a worker that would be its end.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", () => {});
// Only workers that are made of text have these as globals, and helpers take them for a module's.
for (const name of ["module", "exports", "require"]) delete globalThis[name];
(0, eval)(workerData.run)(...workerData.args).then((subtests) => parentPort.postMessage(subtests));`;

export async function inNode(script: Script): Promise<readonly Subtest[]> {
  const worker = new Worker(WORKER, { eval: true, workerData: script });
  const [subtests] = (await once(worker, "message")) as [readonly Subtest[]];
  await worker.terminate();
  return subtests;
}
