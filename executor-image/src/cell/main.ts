/** The cell's process: runs one tenant's code. It ends when its agent does. */
import { enableCompileCache } from "node:module";
import { BonfireError } from "@bonfire/wire";
import { Cell } from "./cell.ts";
import type { ToAgent, ToCell } from "./messages.ts";

enableCompileCache();

const say = (message: ToAgent): void => {
  if (process.connected) process.send?.(message);
};

let cell: Promise<Cell> | undefined;

async function handle(message: ToCell): Promise<void> {
  switch (message.kind) {
    case "start":
      cell = Cell.start(message.start, say);
      await cell;
      return say({ kind: "ready" });
    case "serve":
      await (await cell)?.serve(message.tenant);
      return say({ kind: "serving" });
    case "ping":
      return say({ kind: "pong" });
  }
}

process.on("message", (message: ToCell) => {
  handle(message).catch((error: Error) => {
    const code = error instanceof BonfireError ? error.code : "CELL_CRASHED";
    say({ kind: "broken", code, message: error.message });
    process.exitCode = 1;
    process.disconnect();
  });
});

// The agent is gone, or wants this cell to go: so do whatever it started.
process.on("disconnect", () => {
  const leave = () => process.exit();
  if (cell) cell.then((started) => started.close()).then(leave, leave);
  else leave();
});
