/** How a driver finds the supervisor of a pool, or becomes it. */
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import { placeOf } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { defaultBackend } from "../backend/default-backend.ts";
import type { Backend } from "../backend/port.ts";
import type { Bus } from "../bus/bus.ts";
import { senderOfSupervisorMail, subject } from "../bus/subject.ts";
import type { Timing } from "../presence/timing.ts";
import { type Holding, JOIN_MS } from "../supervisor/adoption.ts";
import type { Policy } from "../supervisor/policy.ts";
import { type Joined, Supervisor } from "../supervisor/supervisor.ts";
import { Leadership } from "./leadership.ts";
import type { ResolvedPoolOptions } from "./options.ts";

/** A supervisor in this process. */
export interface Hosted {
  readonly supervisor: Address;
  inspect(): ReturnType<Supervisor["inspect"]>;
  stop(): Promise<void>;
}

/**
 * The supervisor that answers to the pool's name, if one does. If the last one is lost, it may be frozen: then it still
 * listens, for as long as nats-server keeps its connection, and answers nothing.
 */
export async function join(
  pool: string,
  client: Address,
  holdings: readonly Holding[],
  system: ActorSystem,
  lastIsLost: boolean,
): Promise<Joined | undefined> {
  const to = { node: `pool ${pool}`, actor: actorName(pool) };
  const reached = subject.supervisor(pool, system.node);
  try {
    return (await system.askSubject(reached, to, "join", [client, holdings], JOIN_MS)) as Joined;
  } catch (error) {
    if (hasCode(error, "NO_SUCH_ACTOR") || (lastIsLost && hasCode(error, "ASK_TIMEOUT"))) return undefined;
    throw error;
  }
}

export interface HostParts {
  readonly name: string;
  readonly options: ResolvedPoolOptions;
  readonly policy: Policy;
  readonly system: ActorSystem<Bus>;
  readonly timing: Timing;
  /** There was a supervisor of this pool before. */
  readonly follows: boolean;
  /** This driver may supervise no more: another does, or may by now. */
  onDeposed(): void;
}

/** Starts the pool's supervisor here; undefined if the pool has a store and, by that, another driver leads. */
export async function host(parts: HostParts): Promise<Hosted | undefined> {
  const { name, options, policy, system, timing, follows, onDeposed } = parts;
  const { store } = options;
  const leadership = store && (await Leadership.take(store, { pool: name, node: system.node, onDeposed }));
  if (store && !leadership) return undefined;
  const backend: Backend = options.backend ?? (await defaultBackend(options.realm));
  const { bootMs, shutdownMs, idleCheck, realm, grants, memoryMb } = options;
  const bootstrap = {
    nats: system.bus.address,
    pool: name,
    timing,
    realm,
    grants,
    concurrency: policy.concurrency,
    memoryMb,
  };
  const actor = new Supervisor({
    ...{ pool: name, policy, backend, bootMs, shutdownMs, idleCheck, bootstrap },
    ...{ token: () => leadership?.token ?? 0n, follows },
  });
  const supervisor = placeOf(await system.spawn(actor, actorName(name)));
  const mail = system.bus.subscribe(subject.everySupervisor(name), (message) =>
    system.receive(message, senderOfSupervisorMail(message.subject)),
  );
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    mail.unsubscribe();
    await system.stop(supervisor);
    // The next need not wait for machines that are on their way out: they count no more.
    await Promise.all([leadership?.release(), actor.settled()]);
    // A backend that the user gave is the user's to close.
    if (!options.backend) await backend[Symbol.asyncDispose]();
  };
  const hosted: Hosted = {
    supervisor,
    inspect: () => actor.inspect(),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
  try {
    await system.bus.flush();
    // Another driver may have done the same at the same moment: whoever hears of the other settles it.
    system.tellSubject(subject.supervisor(name, system.node), supervisor, "claim", []);
  } catch (error) {
    // The link broke: a supervisor that nobody knows of would lead, and be stopped by nobody.
    await hosted.stop();
    const message = `The link to NATS broke while this process became the supervisor of pool "${name}": try again`;
    throw new BonfireError("LINK_DOWN", message, { cause: error });
  }
  return hosted;
}

function actorName(pool: string): string {
  return `supervisor-${pool}`;
}
