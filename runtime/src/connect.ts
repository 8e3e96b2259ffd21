import { BonfireError, unpack } from "@bonfire/wire";
import type { Actor } from "./actor/actor.ts";
import { type ActorClass, DEFAULT_TTL_MS, type Declared, type SpawnOptions } from "./actor/actor-class.ts";
import { parseAddress, parseNamed } from "./actor/address.ts";
import type { DeadLetter } from "./actor/dead-letter.ts";
import type { Reason } from "./actor/reason.ts";
import { type AnyRef, type Ref, targetOf } from "./actor/ref.ts";
import { ActorSystem } from "./actor/system.ts";
import { resolveAddress, type ServerOptions } from "./address.ts";
import { Bus } from "./bus/bus.ts";
import { newNodeId } from "./bus/node-id.ts";
import { senderOf, subject } from "./bus/subject.ts";
import { shippedStack } from "./closure/stack.ts";
import { Driver } from "./driver.ts";
import { type Duration, milliseconds } from "./duration.ts";
import type { Group } from "./naming/groups.ts";
import type { Registration } from "./naming/names.ts";
import { Naming } from "./naming/naming.ts";
import type { Hosting, HostOptions } from "./naming/virtual.ts";
import { PrivateServer } from "./nats-server/private-server.ts";
import { refuseUnknown } from "./option.ts";
import type { Dispatcher } from "./pool/dispatcher.ts";
import type { LogLine } from "./pool/events.ts";
import { type OpenPool, openPool } from "./pool/open-pool.ts";
import { type PoolOptions, resolvePoolOptions } from "./pool/options.ts";
import type { Pool } from "./pool/pool.ts";
import { type Survey, surveySoon } from "./presence/nats-survey.ts";
import { Presence } from "./presence/presence.ts";
import { PresenceActor } from "./presence/presence-actor.ts";
import { type PresenceOptions, resolveTiming, type Timing } from "./presence/timing.ts";
import { NatsStore } from "./store/nats-store.ts";
import { isStore, type Store } from "./store/port.ts";
import type { Children } from "./supervision/child.ts";
import type { SupervisionOptions } from "./supervision/options.ts";
import { type Supervised, supervise } from "./supervision/supervise.ts";

export interface ConnectOptions extends ServerOptions {
  /**
   * Where names, groups, virtual actors and state live; all processes of a cluster have to use the same. It stays the
   * caller's to close. Default: the key-value bucket `bonfire` on NATS, which needs JetStream.
   */
  store?: Store;
  /** How fast it is noticed that a process is gone; see docs/presence.md. */
  presence?: PresenceOptions;
}

export interface RegisterOptions {
  /** Default 5 s. */
  ttl?: Duration;
  /** Default 0. */
  wait?: Duration;
}

const KNOWN = [
  "servers",
  "user",
  "password",
  "token",
  "credentialsFile",
  "store",
  "presence",
] as const satisfies readonly (keyof ConnectOptions)[];

/**
 * Joins the cluster as a driver. Without `servers` or `NATS_URL` it starts a private nats-server on a free port of
 * this machine, which ends with this process.
 *
 * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `NATS_UNREACHABLE`, `NATS_REFUSED`, `NATS_SERVER_MISSING`,
 * `NATS_SERVER_FAILED`.
 *
 * ```ts
 * await using fire = await connect();
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<Fire> {
  refuseUnknown("connect", options, KNOWN);
  const { store, presence: timings, ...rest } = options;
  if (store !== undefined && !isStore(store)) {
    throw new BonfireError(
      "INVALID_OPTION",
      'Option "store" must be a store, such as `await RedisStore.connect({ url })` gives',
    );
  }
  const timing = resolveTiming(timings);
  const given = resolveAddress(rest, process.env);
  const server = given ? undefined : await PrivateServer.start();
  const address = given ?? (server as PrivateServer).address;
  const node = newNodeId("d");
  let bus: Bus | undefined;
  let fire: Fire | undefined;
  try {
    bus = await Bus.connect(address, node);
    const presence = Presence.start({ bus, node, timing, onFenced: (_, detail) => fire?.fenced(detail) });
    const system = new ActorSystem(bus, presence.watch, { stack: shippedStack });
    const survey = surveySoon(bus, timing);
    const made = new Fire({ bus, presence, timing, survey, system, server, store });
    fire = made;
    await Promise.all([
      bus.flush(),
      system.spawn(new Driver(() => made.inspect()), "driver"),
      system.spawn(new PresenceActor(presence), "presence"),
    ]);
    return made;
  } catch (error) {
    if (fire) await fire.close();
    else await Promise.all([bus?.close(), server?.close()]);
    throw error;
  }
}

interface Parts {
  readonly bus: Bus;
  readonly presence: Presence;
  readonly timing: Timing;
  readonly survey: Survey;
  readonly system: ActorSystem<Bus>;
  readonly server: PrivateServer | undefined;
  readonly store: Store | undefined;
}

/** A driver's place in the cluster: its pools, and what is behind them. Made by `connect()`. */
export class Fire implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #naming: Naming;
  readonly #pools = new Map<string, Promise<OpenPool>>();
  readonly #dispatchers = new Map<Pool, Dispatcher>();
  #store: Promise<NatsStore> | undefined;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#naming = new Naming(parts.system, () => this.#openStore());
    parts.bus.subscribe(subject.everyLog(parts.bus.node), (message) =>
      this.#log(senderOf(message.subject), message.data),
    );
    parts.bus.subscribe(subject.everyHandle(parts.bus.node), (message) => {
      const cell = senderOf(message.subject);
      this.#ownerOf(cell)?.[1].packet(cell, message.data);
    });
  }

  /** This driver's id in the cluster, new with each `connect()`. */
  get id(): string {
    return this.#parts.bus.node;
  }

  /**
   * Opens a pool, or joins it if another driver has opened one of that name; then the pool's policy is the other's.
   * With `min` it resolves when that many executors are ready.
   *
   * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `POOL_OPEN`, `BACKEND_MISSING`, `LINK_DOWN`, `BOOT_FAILED` (with the
   * reason).
   */
  async pool(name: string, options: PoolOptions = {}): Promise<Pool> {
    const resolved = resolvePoolOptions(name, options);
    if (this.#closing) throw new BonfireError("CLOSED", "Cannot open a pool as the connection is closed");
    if (this.#pools.has(name)) {
      throw new BonfireError(
        "POOL_OPEN",
        `Pool "${name}" is already open here: use the one you have, or close it first`,
      );
    }
    const { system, timing } = this.#parts;
    const opening = openPool(name, resolved, system, timing, (pool) => this.#forget(pool));
    this.#pools.set(name, opening);
    try {
      const { pool, dispatcher } = await opening;
      this.#dispatchers.set(pool, dispatcher);
      return pool;
    } catch (error) {
      this.#pools.delete(name);
      throw error;
    }
  }

  /**
   * The store in which names, groups and state live: that given to `connect`, or else the one that everyone on this NATS
   * shares, the key-value bucket `bonfire`, which is opened at the first call and closed with this connection.
   *
   * Throws `CLOSED`, and `STORE_UNAVAILABLE` with the remedy if JetStream is off.
   */
  store(): Promise<Store> {
    if (this.#closing) throw new BonfireError("CLOSED", "Cannot open the store as the connection is closed");
    return this.#openStore();
  }

  /** Also while it closes, as actors save their state then. */
  #openStore(): Promise<Store> {
    if (this.#parts.store) return Promise.resolve(this.#parts.store);
    this.#store ??= NatsStore.open(this.#parts.bus).catch((error: unknown) => {
      // The next who needs it tries again.
      this.#store = undefined;
      throw error;
    });
    return this.#store;
  }

  /**
   * Starts an actor in this process. Rejects with what its constructor or `onStart` threw.
   *
   * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `INVALID_ACTOR`, `NAME_TAKEN`, `CLOSED`, and `STORE_UNAVAILABLE` for one
   * with `register` or `state`.
   *
   * ```ts
   * const counter = await fire.spawn(Counter, [10], { name: "hits" });
   * ```
   */
  spawn<C extends ActorClass>(
    type: C & Declared<C>,
    args: ConstructorParameters<C>,
    options: SpawnOptions = {},
  ): Promise<Ref<InstanceType<C>>> {
    return this.#parts.system.spawnClass(type, args, options, {});
  }

  /**
   * Starts actors that are started again when they end: see `child`, `placed` and `supervision` for what there can be.
   * Rejects with the first child's error that does not start, when those before it are stopped.
   *
   * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `INVALID_ACTOR`, `NAME_TAKEN`, `CLOSED`.
   *
   * ```ts
   * const { children } = await fire.supervise({ strategy: "one-for-one" }, { hits: child(Counter, [10]) });
   * await children.hits.increment(2);
   * ```
   */
  supervise<C extends Children>(options: SupervisionOptions, children: C): Promise<Supervised<C>> {
    return supervise(this.#parts.system, options, children);
  }

  /**
   * Gives an actor, of this process or another, a name that it has alone in the whole cluster, until it ends, the name
   * is released, or this process is gone. `ttl`: how long the name is kept when this process is gone without a word
   * (5 s); `wait`: how long to wait for a name that another has (0). While the actor has a name it handles messages only
   * with a valid lease; without one it ends with `NAME_LOST`.
   *
   * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `NAME_TAKEN`, `NO_SUCH_ACTOR`, `STORE_UNAVAILABLE`.
   *
   * ```ts
   * await using registration = await fire.register("rates", ref, { ttl: "2s" });
   * ```
   */
  async register(name: string, ref: AnyRef, options: RegisterOptions = {}): Promise<Registration> {
    refuseUnknown("register", options, ["ttl", "wait"]);
    const { ttl = DEFAULT_TTL_MS, wait = 0 } = options;
    return this.#naming.names.register(
      name,
      requireRef(ref),
      milliseconds("ttl", ttl),
      milliseconds("wait", wait),
    );
  }

  /** The actor that has the name now; undefined if none has. Throws `INVALID_OPTION`, `STORE_UNAVAILABLE`. */
  async whereis<T extends Actor>(name: string): Promise<Ref<T> | undefined> {
    return this.#naming.names.whereis<T>(name);
  }

  /**
   * A ref to whoever has the name when it is used: it looks at its first use, and again when the actor that it knows is
   * gone. Asks fail at once with `NO_SUCH_NAME` if nobody has it. Throws `INVALID_OPTION`.
   */
  named<T extends Actor>(name: string): Ref<T> {
    return this.#naming.names.named<T>(name);
  }

  /**
   * Lets this process run virtual actors of this class, when somebody sends to them, or start them on executors of
   * `pool`. Their constructor gets the key. Resolves when others can see it.
   *
   * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `INVALID_ACTOR`, `NAME_TAKEN`, `STORE_UNAVAILABLE`, and with `pool`
   * `CAPTURE_REFUSED`.
   *
   * ```ts
   * await fire.host(Room, { idleAfter: "10m" });
   * ```
   */
  async host<C extends ActorClass<Actor, [key: string]>>(
    type: C & Declared<C>,
    options: HostOptions = {},
  ): Promise<Hosting> {
    return this.#naming.virtual.host(type, options);
  }

  /**
   * The virtual actor of this class and `key`, which is there whenever a message is sent to it: the first one starts it,
   * in a process that hosts the class. Sends nothing. Throws `INVALID_OPTION`, `INVALID_ACTOR`.
   *
   * ```ts
   * const lobby = fire.actor(Room, "lobby");
   * await lobby.say("hello");
   * ```
   */
  actor<C extends ActorClass<Actor, [key: string]>>(type: C, key: string): Ref<InstanceType<C>> {
    return this.#naming.virtual.ref<InstanceType<C>>(type, key);
  }

  /**
   * Makes the actor a member of a group until it leaves, ends, or this process is gone. Throws `INVALID_OPTION`,
   * `STORE_UNAVAILABLE`.
   */
  async join(group: string, ref: AnyRef): Promise<void> {
    return this.#naming.groups.join(group, requireRef(ref));
  }

  /** Takes the actor out of a group that it joined by this connection; else nothing happens. Throws as `join`. */
  async leave(group: string, ref: AnyRef): Promise<void> {
    return this.#naming.groups.leave(group, requireRef(ref));
  }

  /** Who is in a group, as of a second ago at most. Throws `INVALID_OPTION`, `STORE_UNAVAILABLE`. */
  async members<T extends Actor>(group: string): Promise<Ref<T>[]> {
    return this.#naming.groups.group<T>(group).members();
  }

  /**
   * A group as one to send to: every member, or one after the other. Throws `INVALID_OPTION`.
   *
   * ```ts
   * const workers = fire.group<Worker>("workers");
   * workers.tell.reload();
   * await (await workers.next()).work(item);
   * ```
   */
  group<T extends Actor>(name: string): Group<T> {
    return this.#naming.groups.group<T>(name);
  }

  /**
   * A ref to the actor of this `address`, for addresses that came by other ways than a message. Nothing is sent; an
   * actor that does not exist shows at the first ask. Throws `INVALID_OPTION`.
   */
  ref<T extends Actor>(address: string): Ref<T> {
    const { system } = this.#parts;
    const home = parseNamed(address);
    return home ? system.named<T>(home) : system.ref<T>(parseAddress(address));
  }

  /**
   * Calls `onDown` once, when the actor ends, is lost with its process, or turns out not to exist. Of a supervised actor
   * it is the one that runs now. Returns the way to stop watching. Throws `INVALID_OPTION`.
   */
  monitor(who: AnyRef, onDown: (reason: Reason) => void): () => void {
    return this.#parts.system.monitor(requireRef(who), onDown);
  }

  /**
   * Ends an actor anywhere, after the messages in its mailbox; resolves when it has ended. Rejects with `ASK_TIMEOUT`
   * after 10 s, and with `NOT_YOURS` for one of another process's runtime. Throws `INVALID_OPTION`.
   */
  stop(who: AnyRef): Promise<void> {
    return this.#end(requireRef(who), "stop");
  }

  /** Ends an actor anywhere at once, and without its `onStop`. Otherwise as `stop`. */
  kill(who: AnyRef): Promise<void> {
    return this.#end(requireRef(who), "kill");
  }

  async #end(who: AnyRef, order: "stop" | "kill"): Promise<void> {
    const { system } = this.#parts;
    return system.controls.end(await system.find(who), order);
  }

  /**
   * `deadLetter`: a message that nobody waits for was not handled, or failed; told where that was found out. Returns the
   * way to stop listening.
   */
  on(event: "deadLetter", listener: (letter: DeadLetter) => void): () => void {
    if (event !== "deadLetter") {
      throw new BonfireError(
        "INVALID_OPTION",
        `There is no event ${JSON.stringify(event)}: "deadLetter" is the one`,
      );
    }
    return this.#parts.system.onDeadLetter(listener);
  }

  /** The actors of this node and the pools it uses. */
  inspect() {
    return {
      id: this.id,
      nats: {
        servers: this.#parts.bus.address.servers,
        up: this.#parts.bus.link.up,
        private: !!this.#parts.server,
        server: this.#parts.survey.report,
      },
      actors: this.#parts.system.inspect(),
      pools: [...this.#dispatchers.keys()].map((pool) => pool.inspect()),
    };
  }

  /** Closes its pools, says goodbye, and ends what it alone used. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { presence, survey, system, bus, server } = this.#parts;
    const opened = await Promise.allSettled(this.#pools.values());
    const pools = opened.flatMap((pool) => (pool.status === "fulfilled" ? [pool.value.pool] : []));
    // Each step is taken whatever became of the one before it; what failed first is told at the end.
    const steps: (() => unknown)[] = [
      () => this.#naming.virtual.leave(),
      () => Promise.all(pools.map((pool) => pool.close())),
      // Before the goodbye, which takes another connection, so that those who watch them hear how they ended.
      () => system.retire(),
      // One that could not be opened needs no closing; whoever wanted it has been told.
      async () => (await this.#store?.catch(() => undefined))?.close(),
      () => survey.close(),
      () => bus.drain(),
      () => presence.close(),
      () => system.close(),
      () => bus.close(),
      () => server?.close(),
    ];
    const failures: unknown[] = [];
    for (const step of steps)
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** @internal Another driver has taken this one for gone: what it told others about that is made true. */
  fenced(detail: string): void {
    if (this.#closing) return;
    const error = new BonfireError(
      "FENCED",
      `Other processes took this one for gone (${detail}): its actors have ended, and its pools begin anew`,
    );
    process.emitWarning(error);
    const steppingDown = Array.from(this.#pools.values(), async (opening) => (await opening).stepDown());
    Promise.all([this.#parts.system.fence(error), ...steppingDown]).catch((failure: Error) =>
      process.emitWarning(failure),
    );
  }

  #forget(pool: Pool): void {
    this.#pools.delete(pool.name);
    this.#dispatchers.delete(pool);
  }

  /** The pool whose cell it is; undefined when the cell has been given back. */
  #ownerOf(cell: string): [Pool, Dispatcher] | undefined {
    for (const owner of this.#dispatchers) if (owner[1].owns(cell)) return owner;
    return undefined;
  }

  #log(cell: string, data: Uint8Array): void {
    const owner = this.#ownerOf(cell);
    if (!owner) return; // a line of a cell that has been given back
    const [pool] = owner;
    for (const [call, level, text] of unpack(data) as [number, LogLine["level"], string][]) {
      pool.logged({ pool: pool.name, cell, call, level, text });
    }
  }
}

function requireRef(who: AnyRef): AnyRef {
  if (typeof who === "object" && who !== null && targetOf(who)) return who;
  throw new BonfireError(
    "INVALID_OPTION",
    "This takes a ref, as spawn() returns it or as it came in a message",
  );
}
