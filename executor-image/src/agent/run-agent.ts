/** Connects the executor, runs its agent until nobody needs it, and leaves nothing behind. */
import { ActorSystem, Beater, type Bootstrap, Bus, Watcher } from "@bonfire/runtime/internal";
import { Agent } from "./agent.ts";
import type { CellProcess } from "./cell-process.ts";

const LEAVE_MS = 4_000;

export async function runAgent(bootstrap: Bootstrap, firstCell: CellProcess): Promise<void> {
  const { executor, nats, timing, registerMs } = bootstrap;
  // Whoever launched it holds the other end of standard input: when that ends, it is gone.
  const launcherGone = new Promise<void>((resolve) =>
    process.stdin
      .once("end", resolve)
      .once("error", () => resolve())
      .resume(),
  );
  const asked = new Promise<void>((resolve) =>
    process.once("SIGTERM", () => resolve()).once("SIGINT", () => resolve()),
  );
  const tooLate = setTimeout(() => process.exit(1), registerMs);

  const bus = await Bus.connect(nats, executor);
  const beater = new Beater(bus, executor, timing);
  const watcher = new Watcher(bus, timing);
  const system = new ActorSystem(bus, watcher.watch);
  const agent = await system.spawn(new Agent({ bootstrap, watcher, firstCell }), "agent");
  clearTimeout(tooLate);
  const ended = new Promise<void>((resolve) => void system.monitor(agent.address, () => resolve()));

  await Promise.race([launcherGone, asked, ended]);
  // NATS may have gone with the launcher, and then goodbyes wait in vain.
  setTimeout(() => process.exit(1), LEAVE_MS).unref();
  await system.close();
  await beater.bye();
  watcher.close();
  await bus.close();
  process.exit(0);
}
