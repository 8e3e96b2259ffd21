/** Opens a pool for a driver: joins its supervisor if one answers to the pool's name, else becomes it. */
import { channel } from "node:diagnostics_channel";
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, hasCode } from "@bonfire/wire";
import { placeOf, type Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Bus } from "../bus/bus.ts";
import type { Timing } from "../presence/timing.ts";
import type { Policy } from "../supervisor/policy.ts";
import type { Joined, Supervisor } from "../supervisor/supervisor.ts";
import { PoolClient } from "./client.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Floor } from "./floor.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import { Pool } from "./pool.ts";
import { type Hosted, host, join } from "./take-part.ts";

const MAX_YIELDS = 10;
const REJOIN_MS = 100;
const REJOIN_MAX_MS = 5_000;
/** Tries to find or become a pool's supervisor that failed, `{ pool, error }`; each is repeated. */
const rejoins = channel("bonfire:rejoin-failed");

export interface OpenPool {
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  /** Supervises it no longer, if it did, as another may do so by now; then takes part again like anyone else. */
  stepDown(): Promise<void>;
}

export async function openPool(
  name: string,
  given: ResolvedPoolOptions,
  system: ActorSystem<Bus>,
  timing: Timing,
  onClosed: (pool: Pool) => void,
): Promise<OpenPool> {
  const floor = new Floor();
  const { policy, maxQueue } = given;
  const dispatcher = new Dispatcher({ pool: name, idleAfter: policy.idleAfter, maxQueue }, system, {
    fleet(counts, event) {
      floor.update(counts.ready);
      pool.changed(counts, event);
    },
    bootFailed(error) {
      floor.fail(error);
      pool.emit("bootFailed", error);
    },
    policyChanged: (policy) => pool.follow(policy),
    supervisorGone({ kind }) {
      if (isFound) found = Promise.withResolvers();
      isFound = false;
      lastIsLost ||= kind === "lost";
      void takePartAgain();
    },
  });
  const client = await system.spawn(new PoolClient(dispatcher), `pool-${name}`);
  const closing = new AbortController();
  let hosted: Hosted | undefined;
  /** Whether the pool had a supervisor before that this driver knew. */
  let follows = false;
  /** The supervisor that is followed has not gone since it was found. */
  let isFound = false;
  /** The last one was lost, and may be frozen. */
  let lastIsLost = false;
  let isSearching = false;

  /** Settled with the supervisor while there is one; replaced when it goes. */
  let found = Promise.withResolvers<Ref<Supervisor>>();

  /** Joins whoever supervises the pool, or becomes its supervisor. Returns the policy that holds. */
  const takePart = async (): Promise<Policy> => {
    let joined: Joined | undefined;
    for (let yields = 0; !joined; yields++) {
      try {
        await hosted?.stop();
      } finally {
        // What could not be undone is no reason to go without a supervisor.
        hosted = undefined;
      }
      joined = await join(name, placeOf(client), dispatcher.holdings, system, lastIsLost);
      if (joined) break;
      // Who takes over goes on with the policy that was in force last.
      const { policy } = pool;
      hosted = await host({ name, options: given, policy, system, timing, follows });
      if (!hosted) {
        // Another leads, and does not answer yet, or is cut off until its lease ends.
        closing.signal.throwIfAborted();
        await pause(REJOIN_MS);
        continue;
      }
      // While this one started the pool was closed: nobody else would stop it.
      if (closing.signal.aborted) await hosted.stop();
      closing.signal.throwIfAborted();
      try {
        const args = [placeOf(client), dispatcher.holdings];
        joined = (await system.ask(hosted.supervisor, "join", args)) as Joined;
      } catch (error) {
        // Ours has yielded already to one that started at the same moment: that one is to be joined.
        if (!hasCode(error, "NO_SUCH_ACTOR") || yields >= MAX_YIELDS) throw error;
      }
    }
    isFound = true;
    lastIsLost = false;
    await client.follow(joined.supervisor);
    // It has gone meanwhile, and the search goes on.
    if (!isFound) return joined.policy;
    const supervisor = system.ref<Supervisor>(joined.supervisor);
    dispatcher.policyChanged(joined.policy);
    dispatcher.serveUnder(supervisor);
    found.resolve(supervisor);
    follows = true;
    return joined.policy;
  };

  /** One search at a time, as each begins by stopping what the last one has started here. */
  const takePartAgain = async (): Promise<void> => {
    if (isSearching) return;
    isSearching = true;
    for (let wait = REJOIN_MS; !isFound && !closing.signal.aborted; ) {
      try {
        await takePart();
      } catch (error) {
        // Calls wait on meanwhile, each until its own deadline.
        isFound = false;
        rejoins.publish({ pool: name, error });
        await pause(wait);
        wait = Math.min(wait * 2, REJOIN_MAX_MS);
      }
    }
    isSearching = false;
  };

  const close = async (): Promise<void> => {
    const endBy = performance.now() + given.shutdownMs;
    await withinMs(dispatcher.drained(), given.shutdownMs);
    // After the calls, which may use them.
    await dispatcher.stopActors(endBy - performance.now());
    closing.abort();
    const error = new BonfireError("POOL_CLOSED", `Pool "${name}" was closed while the call waited or ran`);
    floor.fail(error);
    // Most often nobody waits for it.
    found.promise.catch(() => undefined);
    found.reject(error);
    dispatcher.close(error);
    try {
      await hosted?.stop();
    } finally {
      await system.stop(client);
      onClosed(pool);
    }
  };

  const supervisor = () => found.promise;
  const inspectSupervisor = () => hosted?.inspect();
  const pool: Pool = new Pool({
    name,
    options: given,
    system,
    dispatcher,
    supervisor,
    inspectSupervisor,
    close,
  });
  try {
    const policy = await takePart();
    await floor.reached(policy.min, given.bootMs);
  } catch (error) {
    await pool.close();
    throw error;
  }
  // Whoever follows a supervisor that stops takes part again.
  return { pool, dispatcher, stepDown: async () => hosted?.stop() };
}

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
