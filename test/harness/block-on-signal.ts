/** Preloaded into a process whose main thread has to stand still for 30 s when SIGUSR2 comes. */
const BLOCK_MS = 30_000;

process.on("SIGUSR2", () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCK_MS);
});
