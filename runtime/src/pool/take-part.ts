/** How a driver finds the supervisor of a pool, or becomes it. */
import { hasCode } from "@bonfire/wire";
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
}

/**
 * Starts the pool's supervisor here; undefined if the pool has a store and, by that, another driver leads. It stops by
 * itself when that turns out later.
 */
export async function host(parts: HostParts): Promise<Hosted | undefined> {
  const { name, options, policy, system, timing, follows } = parts;
  const { store } = options;
  let hosted: Hosted | undefined;
  let isDeposed = false;
  const onDeposed = () => {
    isDeposed = true;
    hosted?.stop().catch((error: Error) => process.emitWarning(error));
  };
  const leadership = store && (await Leadership.take(store, { pool: name, node: system.node, onDeposed }));
  if (store && !leadership) return undefined;
  // What follows may fail, and leaves nothing behind then.
  await using started = new AsyncDisposableStack();
  started.defer(() => leadership?.release());
  // A backend that the user gave is the user's to close.
  const backend: Backend = options.backend ?? started.use(await defaultBackend(options.realm));
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
  // The next need not wait for machines that are on their way out: they count no more.
  started.defer(async () => void (await Promise.all([leadership?.release(), actor.settled()])));
  started.defer(() => system.stop(supervisor));
  const mail = system.bus.subscribe(subject.everySupervisor(name), (message) =>
    system.receive(message, senderOfSupervisorMail(message.subject)),
  );
  started.defer(() => mail.unsubscribe());
  await system.bus.flush();
  // Another driver may have done the same at the same moment: whoever hears of the other settles it.
  system.tellSubject(subject.supervisor(name, system.node), supervisor, "claim", []);
  if (isDeposed) return undefined;
  const running = started.move();
  let stopping: Promise<void> | undefined;
  hosted = {
    supervisor,
    inspect: () => actor.inspect(),
    stop: () => {
      stopping ??= running.disposeAsync();
      return stopping;
    },
  };
  return hosted;
}

function actorName(pool: string): string {
  return `supervisor-${pool}`;
}
