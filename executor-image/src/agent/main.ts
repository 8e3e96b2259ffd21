/** The executor's process. It starts a first cell before it has even connected, since both take the same time. */
import { enableCompileCache } from "node:module";
import { Cells } from "./cells.ts";
import { readBootstrap } from "./read-bootstrap.ts";

enableCompileCache();
const bootstrap = readBootstrap();
// Before anything slow: without it a signal would end this process at once, whatever its cells run. While the line
// above waits, that is right.
const asked = new Promise<void>((resolve) => {
  // Each time, as a second signal is no reason to end what was promised time.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => resolve());
});
const cells = new Cells(bootstrap);
const firstCell = cells.start();
const { runAgent } = await import("./run-agent.ts");
await runAgent({ bootstrap, cells, firstCell, asked });
