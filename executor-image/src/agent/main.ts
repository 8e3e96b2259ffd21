/** The executor's process. It starts a first cell before it has even connected, since both take the same time. */
import { enableCompileCache } from "node:module";
import { Cells } from "./cells.ts";
import { readBootstrap } from "./read-bootstrap.ts";

enableCompileCache();
const bootstrap = readBootstrap();
// Before anything slow: without it a signal would end this process at once, whatever its cells run. While the line
// above waits, that is right. A second signal is no reason to hurry: the supervisor sends one when a platform has.
const asked = new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => resolve());
});
const cells = new Cells(bootstrap);
const firstCell = cells.start();
const { runAgent } = await import("./run-agent.ts");
try {
  await runAgent({ bootstrap, cells, firstCell, asked });
} catch (error) {
  // Its stack would be one of a bundle; whoever waits for this executor is told by its end.
  console.error(`Executor ${bootstrap.executor} cannot run: ${(error as Error).message}`);
  process.exit(1);
}
