// Runs the program everywhere/main.ts in a worker thread, which then is the driver.
import { Worker } from "node:worker_threads";

const worker = new Worker(new URL("everywhere/main.ts", import.meta.url));
worker.on("exit", (code) => {
  process.exitCode = code;
});
