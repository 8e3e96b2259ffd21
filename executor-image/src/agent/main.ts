/** The executor's process. It starts a first cell before it has even connected, since both take the same time. */
import { enableCompileCache } from "node:module";
import { readBootstrap } from "./read-bootstrap.ts";
import { startCell } from "./start-cell.ts";

enableCompileCache();
const bootstrap = readBootstrap();
const firstCell = startCell(bootstrap);
const { runAgent } = await import("./run-agent.ts");
await runAgent(bootstrap, firstCell);
