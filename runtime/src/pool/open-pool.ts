/** Opens a pool for a driver: joins its supervisor if one answers to the pool's name, else becomes it. */
import { channel } from "node:diagnostics_channel";
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import { placeOf } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { defaultBackend } from "../backend/default-backend.ts";
import type { Backend } from "../backend/port.ts";
import { senderOfSupervisorMail, subject } from "../bus/subject.ts";
import type { Timing } from "../presence/timing.ts";
import type { Policy } from "../supervisor/decide.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { PoolClient } from "./client.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Floor } from "./floor.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import { Pool } from "./pool.ts";

const JOIN_MS = 2_000;
const MAX_YIELDS = 10;
const REJOIN_MS = 100;
const REJOIN_MAX_MS = 5_000;
/** Tries to find or become a pool's supervisor that failed, `{ pool, error }`; each is repeated. */
const rejoins = channel("bonfire:rejoin-failed");

interface Hosted {
  readonly supervisor: Address;
  stop(): Promise<void>;
}

export async function openPool(
  name: string,
  given: ResolvedPoolOptions,
  system: ActorSystem,
  timing: Timing,
  onClosed: (pool: Pool) => void,
): Promise<{ pool: Pool; dispatcher: Dispatcher }> {
  const floor = new Floor();
  const { policy, maxQueue } = given;
  const dispatcher = new Dispatcher({ pool: name, idleAfter: policy.idleAfter, maxQueue }, system, {
    fleet(ready, booting) {
      floor.update(ready);
      pool.emit("fleet", { ready, booting });
    },
    bootFailed(error) {
      floor.fail(error);
      pool.emit("bootFailed", error);
    },
    policyChanged: (policy) => pool.follow(policy),
    supervisorGone: () => void takePartAgain(),
  });
  const client = await system.spawn(new PoolClient(dispatcher), `pool-${name}`);
  const closing = new AbortController();
  let hosted: Hosted | undefined;

  /** Joins whoever supervises the pool, or becomes its supervisor. Returns the policy that holds. */
  const takePart = async (): Promise<Policy> => {
    let joined: Joined | undefined;
    for (let yields = 0; !joined; yields++) {
      await hosted?.stop();
      hosted = undefined;
      joined = await join(name, placeOf(client), system);
      if (joined) break;
      hosted = await host(name, given, system, timing);
      try {
        joined = (await system.ask(hosted.supervisor, "join", [placeOf(client)])) as Joined;
      } catch (error) {
        // Ours has yielded already to one that started at the same moment: that one is to be joined.
        if (!hasCode(error, "NO_SUCH_ACTOR") || yields === MAX_YIELDS) throw error;
      }
    }
    await client.follow(joined.supervisor);
    dispatcher.serveUnder(system.ref<Supervisor>(joined.supervisor));
    return joined.policy;
  };

  const takePartAgain = async (): Promise<void> => {
    for (let pause = REJOIN_MS; !closing.signal.aborted; pause = Math.min(pause * 2, REJOIN_MAX_MS)) {
      try {
        await takePart();
        return;
      } catch (error) {
        // Calls wait on meanwhile, each until its own deadline.
        rejoins.publish({ pool: name, error });
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  };

  const close = async (): Promise<void> => {
    await withinMs(dispatcher.drained(), given.shutdownMs);
    closing.abort();
    const error = new BonfireError("POOL_CLOSED", `Pool "${name}" was closed while the call waited or ran`);
    floor.fail(error);
    dispatcher.close(error);
    await hosted?.stop();
    await system.stop(client);
    onClosed(pool);
  };

  const pool: Pool = new Pool({ name, options: given, system, dispatcher, close });
  try {
    const policy = await takePart();
    pool.follow(policy);
    await floor.reached(policy.min, given.bootMs);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return { pool, dispatcher };
}

interface Joined {
  readonly supervisor: Address;
  readonly policy: Policy;
}

/** The address of the supervisor that answers to the pool's name, if one does. */
async function join(pool: string, client: Address, system: ActorSystem): Promise<Joined | undefined> {
  const to = { node: `pool ${pool}`, actor: actorName(pool) };
  try {
    return (await system.askSubject(
      subject.supervisor(pool, system.node),
      to,
      "join",
      [client],
      JOIN_MS,
    )) as Joined;
  } catch (error) {
    if (hasCode(error, "NO_SUCH_ACTOR")) return undefined;
    throw error;
  }
}

async function host(
  name: string,
  options: ResolvedPoolOptions,
  system: ActorSystem,
  timing: Timing,
): Promise<Hosted> {
  const backend: Backend = options.backend ?? (await defaultBackend(options.realm));
  const { policy, bootMs, shutdownMs, realm, grants, memoryMb } = options;
  const bootstrap = { nats: system.bus.address, pool: name, timing, realm, grants, memoryMb };
  const supervisor = await system.spawn(
    new Supervisor({ pool: name, policy, backend, bootMs, shutdownMs, bootstrap }),
    actorName(name),
  );
  const mail = system.bus.subscribe(subject.everySupervisor(name), (message) =>
    system.receive(message, senderOfSupervisorMail(message.subject)),
  );
  await system.bus.flush();
  // Another driver may have done the same at the same moment: whoever hears of the other settles it.
  system.tellSubject(subject.supervisor(name, system.node), placeOf(supervisor), "claim", []);
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    mail.unsubscribe();
    await system.stop(supervisor);
    // A backend that the user gave is the user's to close.
    if (!options.backend) await backend[Symbol.asyncDispose]();
  };
  return {
    supervisor: placeOf(supervisor),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function actorName(pool: string): string {
  return `supervisor-${pool}`;
}

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
