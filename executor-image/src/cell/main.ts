/** The cell's process: runs one tenant's code. It ends when its agent does. */
import { enableCompileCache } from "node:module";
import type { Cell } from "./cell.ts";
import type { ToAgent, ToCell } from "./messages.ts";

/** An agent has so long to kill a cell that says that it is broken; less than it takes until the cell is taken for gone. */
const LEAVE_MS = 1_000;

enableCompileCache();
// Loaded while the agent's first message is on its way; the realm of isolates too, as most cells have one.
const loaded = Promise.all([import("./cell.ts"), import("../realm/create-realm.ts")]).then(([cell]) => cell);

const say = (message: ToAgent): void => {
  // An agent that has just been killed hears nothing; the end of the channel, which follows, ends this process too.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  // An agent that is stopped hears it too late: whoever finds nobody here any more may run the call again.
  if (message.kind === "broken") setTimeout(() => process.exit(1), LEAVE_MS).unref();
};

let cell: Promise<Cell> | undefined;

async function handle(message: ToCell): Promise<void> {
  switch (message.kind) {
    case "start":
      cell = loaded.then(({ Cell }) => Cell.start(message.start, say));
      await cell;
      return say({ kind: "ready" });
    case "serve":
      await (await cell)?.serve(message.tenant);
      return say({ kind: "serving" });
    case "ping":
      return say({ kind: "pong" });
    case "retire":
      return (await cell)?.retireFirst();
    case "drain":
      await (await cell)?.drained();
      if (process.connected) process.disconnect();
      return;
  }
}

process.on("message", (message: ToCell) => {
  handle(message).catch((error: Error & { code?: string }) => {
    say({ kind: "broken", code: error.code ?? "CELL_CRASHED", message: error.message });
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
