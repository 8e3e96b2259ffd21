/** Connects the executor, runs its agent until nobody needs it, and leaves nothing behind. */
import { setTimeout as pause } from "node:timers/promises";
import { ActorSystem, type Bootstrap, Bus, Presence, PresenceActor } from "@bonfire/runtime/internal";
import { hasCode } from "@bonfire/wire";
import { Agent } from "./agent.ts";
import type { CellProcess } from "./cell-process.ts";
import type { Cells } from "./cells.ts";

const AGAIN_MS = 200;
/** How long goodbyes may take once no call runs. */
const LEAVE_MS = 4_000;
/** The backend forces the end when `shutdownMs` is over: so much of it is for what comes after the last call. */
const LAST_MS = 200;

/** A supervisor that has ended gives nobody anything any more. */
function warn(error: Error): void {
  if (!hasCode(error, "NO_SUCH_ACTOR")) process.emitWarning(error);
}

export interface ExecutorParts {
  readonly bootstrap: Bootstrap;
  readonly cells: Cells;
  readonly firstCell: CellProcess;
  /** Somebody wants this process to end, and gives it time. */
  readonly asked: Promise<void>;
}

export async function runAgent({ bootstrap, cells, firstCell, asked }: ExecutorParts): Promise<void> {
  const { registerMs, shutdownMs } = bootstrap;
  // Whoever launched it holds the other end of standard input: when that ends, it is gone.
  const launcherGone = new Promise<void>((resolve) =>
    process.stdin
      .once("end", resolve)
      .once("error", () => resolve())
      .resume(),
  );
  const { promise: orphaned, resolve: orphan } = Promise.withResolvers<void>();
  const tooLate = setTimeout(() => process.exit(1), registerMs);
  const boot = async () => {
    const bus = await join(bootstrap);
    const { promise: fenced, resolve: onFenced } = Promise.withResolvers<void>();
    const { executor: node, timing } = bootstrap;
    const presence = Presence.start({ bus, node, timing, onFenced: () => onFenced() });
    const system = new ActorSystem(bus, presence.watch);
    await system.spawn(new PresenceActor(presence), "presence");
    const parts = { bootstrap, cells, presence, firstCell, fenced, orphan };
    const agent = await system.spawn(new Agent(parts), "agent");
    return { bus, presence, system, agent };
  };
  const booted = await Promise.race([boot(), launcherGone, asked]);
  // Nobody knows of it yet; its cell's guard sees to the cell.
  if (!booted) process.exit(0);
  clearTimeout(tooLate);
  const { bus, presence, system, agent } = booted;
  const ended = new Promise<void>((resolve) => void system.monitor(agent, () => resolve()));

  const why = await Promise.race([asked.then(() => "asked" as const), orphaned, ended, launcherGone]);
  // First of all, so that no driver is given a slot here, and those that have one give it back.
  if (why === "asked") await Promise.race([launcherGone, agent.leave().catch(warn)]);
  // If the launcher is gone there is nobody to wait for, and NATS may have gone with it.
  const drained = () => cells.drain(Math.max(0, shutdownMs - LAST_MS));
  await Promise.race([launcherGone, Promise.resolve().then(drained)]);
  setTimeout(() => process.exit(1), LEAVE_MS).unref();
  await system.close();
  // Before the goodbye, which takes another connection, so that those who watch its actors hear how they ended.
  await bus.drain();
  await Promise.all([presence.close(), bus.close()]);
  process.exit(0);
}

/** Connects, again and again while nothing answers: NATS may be restarting. The caller has a deadline for it. */
async function join({ nats, executor }: Bootstrap): Promise<Bus> {
  for (;;) {
    try {
      return await Bus.connect(nats, executor);
    } catch (error) {
      if (!hasCode(error, "NATS_UNREACHABLE")) throw error;
      await pause(AGAIN_MS);
    }
  }
}
