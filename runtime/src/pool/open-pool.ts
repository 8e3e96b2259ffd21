/** Opens a pool for a driver: joins its supervisor if one answers to the pool's name, else becomes it. */
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Address, Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { defaultBackend } from "../backend/default-backend.ts";
import type { Backend } from "../backend/port.ts";
import { senderOfSupervisorMail, subject } from "../bus/subject.ts";
import type { Timing } from "../presence/timing.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { PoolClient } from "./client.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import { Pool } from "./pool.ts";

const JOIN_MS = 2_000;

interface Hosted {
  readonly supervisor: Ref<Supervisor>;
  stop(): Promise<void>;
}

export async function openPool(
  name: string,
  options: ResolvedPoolOptions,
  system: ActorSystem,
  timing: Timing,
  onClosed: (pool: Pool) => void,
): Promise<{ pool: Pool; dispatcher: Dispatcher }> {
  // Without a floor the opening waits for no boot: calls report failures themselves.
  const floor = options.policy.min > 0 ? Promise.withResolvers<void>() : undefined;
  const dispatcher = new Dispatcher(name, system, options.policy.idleAfter, {
    fleet(executors, booting) {
      if (executors >= options.policy.min) floor?.resolve();
      pool.emit("fleet", { ready: executors, booting });
    },
    bootFailed(error) {
      floor?.reject(error);
      pool.emit("bootFailed", error);
    },
    supervisorGone: () => void takePart().catch((error) => process.emitWarning(error)),
  });
  const client = new PoolClient(dispatcher);
  const clientRef = await system.spawn(client, `pool-${name}`);
  let hosted: Hosted | undefined;

  const takePart = async (): Promise<void> => {
    let supervisor = await join(name, clientRef.address, system);
    if (!supervisor) {
      hosted = await host(name, options, system, timing);
      supervisor = hosted.supervisor.address;
      await system.ask(supervisor, "join", [clientRef.address]);
    }
    await clientRef.follow(supervisor);
    dispatcher.serveUnder(system.ref<Supervisor>(supervisor));
  };

  const close = async (): Promise<void> => {
    await withinMs(dispatcher.drained(), options.shutdownMs);
    dispatcher.close(
      new BonfireError("POOL_CLOSED", `Pool "${name}" was closed while the call waited or ran`),
    );
    await hosted?.stop();
    await system.stop(clientRef.address);
    onClosed(pool);
  };
  const pool: Pool = new Pool({ name, options, system, dispatcher, close });
  try {
    await takePart();
    await floor?.promise;
  } catch (error) {
    await pool.close();
    throw error;
  }
  return { pool, dispatcher };
}

/** The address of the supervisor that answers to the pool's name, if one does. */
async function join(pool: string, client: Address, system: ActorSystem): Promise<Address | undefined> {
  const to = { node: `pool ${pool}`, actor: actorName(pool) };
  try {
    const joined = await system.askSubject(
      subject.supervisor(pool, system.node),
      to,
      "join",
      [client],
      JOIN_MS,
    );
    return (joined as { supervisor: Address }).supervisor;
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
  const backend: Backend = options.backend ?? (await defaultBackend());
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
  return {
    supervisor,
    async stop() {
      mail.unsubscribe();
      await system.stop(supervisor.address);
      // A backend that the user gave is the user's to close.
      if (!options.backend) await backend[Symbol.asyncDispose]();
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
