/**
 * The actor that decides how many executors a pool has. It gathers what drivers need and what executors do, asks
 * `decide`, and carries the decision out through the backend. Drivers call executors directly on leased slots; this
 * actor is on no warm call's path. Long, as every message changes the same two maps, of drivers and of executors.
 */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";
import type { Address } from "../actor/address.ts";
import { asError, type Reason, reasonError } from "../actor/reason.ts";
import { type AnyRef, placeOf } from "../actor/ref.ts";
import type { Bootstrap } from "../backend/bootstrap.ts";
import { type Backend, BackendError } from "../backend/port.ts";
import { newNodeId } from "../bus/node-id.ts";
import type { AgentPort } from "../pool/agent-port.ts";
import type { PoolClient } from "../pool/client.ts";
import { type Adopted, adopt, adoptionMs, type Holding, mayEnd } from "./adoption.ts";
import { BootFailures } from "./boot-failures.ts";
import { type Action, decide, type RetireReason } from "./decide.ts";
import { describe, explain } from "./describe.ts";
import { DriverRecord, type Grant, type Report } from "./driver-record.ts";
import { type Booting, ExecutorRecord } from "./executor-record.ts";
import type { ExecutorInfo, FleetCounts, FleetEvent, PoolExplanation, ShrinkReason } from "./fleet-event.ts";
import { Machines } from "./machines.ts";
import { Patience } from "./patience.ts";
import { type Policy, type Scale, scaled } from "./policy.ts";
import type { Resources } from "./resources.ts";

/** Longer than it takes until a driver that wakes hears that it was taken for gone. */
const CLAIM_MS = 500;
/** How often the platform's list is compared with what is known here. */
const RECONCILE_MS = 15_000;
/** What an executor gets to say goodbye in, when its calls had their time already. */
const GOODBYE_MS = 1_000;
/** Executors that were launched together are not replaced together: the last tenth of their lifetime is by lot. */
const LIFETIME_SPREAD = 0.1;
/** A grant that is not confirmed for so long may be lost: it is sent again, which does no harm. */
const CONFIRM_MS = 1_000;
/** How often a link that is down is looked at. */
const LINK_MS = 100;

/** What a driver that joins is told. */
export interface Joined {
  readonly supervisor: Address;
  readonly policy: Policy;
}

/** Whether an executor that was idle for `idleAfter` may go. */
export type IdleCheck = (executor: {
  readonly executor: string;
  readonly idleMs: number;
}) => boolean | Promise<boolean>;

export interface SupervisorOptions {
  readonly pool: string;
  readonly policy: Policy;
  readonly backend: Backend;
  readonly bootMs: number;
  readonly shutdownMs: number;
  readonly idleCheck: IdleCheck | undefined;
  /** The fencing token of its lease, which grows when the lease is taken again; 0 where no store elects it. */
  readonly token: () => bigint;
  /** There was one before it, whose executors its drivers may use. */
  readonly follows: boolean;
  /** What every executor of the pool needs to know, but for its own name. */
  readonly bootstrap: Omit<
    Bootstrap,
    "executor" | "supervisor" | "token" | "adoptable" | "registerMs" | "shutdownMs"
  >;
}

export class Supervisor extends Actor {
  static readonly reentrant = ["drain"] as const;
  readonly #options: SupervisorOptions;
  readonly #drivers = new Map<string, DriverRecord>();
  readonly #executors = new Map<string, ExecutorRecord>();
  readonly #failures: BootFailures;
  readonly #patience: Patience;
  #policy: Policy;
  #machines: Machines | undefined;
  #grants = 0;
  #timer: NodeJS.Timeout | undefined;
  #confirming: NodeJS.Timeout | undefined;
  readonly #claims = new Set<NodeJS.Timeout>();
  readonly #stopped = Promise.withResolvers<void>();
  #unwatchBackend: (() => void) | undefined;
  #linkedAgainAt = Number.NEGATIVE_INFINITY;
  #stopFollowing: () => void = () => undefined;
  /** There are, or were, other drivers: one can take over. */
  #hasOthers = false;
  /** Nothing is launched before this time: drivers are still saying what they hold. */
  #settledAt = 0;

  constructor(options: SupervisorOptions) {
    super();
    this.#options = options;
    this.#policy = options.policy;
    this.#patience = new Patience(options.policy.idleAfter);
    this.#failures = new BootFailures(options.pool, options.bootMs);
  }

  override onStart(): void {
    const { backend, follows, pool } = this.#options;
    const owner = this.context.system.node;
    this.#machines = new Machines(backend, { owner, pool }, (id) => this.#mayTerminate(id));
    this.#hasOthers = follows;
    if (follows) this.#settle();
    this.#unwatchBackend = backend.watch?.((id, detail) => {
      this.context.enqueue(() => this.#machineEnded(id, detail));
    });
    this.#stopFollowing = this.context.system.bus.onReconnect(() => {
      this.#linkedAgainAt = performance.now();
    });
    this.every(RECONCILE_MS, () => void this.#reconcile());
    this.#act();
  }

  /**
   * Two drivers learn within a beat of each other that a third is gone, and may both supervise until the one has
   * claimed: the drivers of the other say only then what they hold.
   */
  #settle(): void {
    const { backend, bootstrap } = this.#options;
    if (backend.shared) this.#settledAt = performance.now() + bootstrap.timing.beat + CLAIM_MS;
  }

  /** A driver begins to use the pool. `holdings`: where it has cells already. */
  join(client: Address, holdings: readonly Holding[]): Joined {
    const { sender, system, address } = this.context;
    const held: Record<string, number> = {};
    for (const { agent, slots } of holdings) held[agent.node] = (held[agent.node] ?? 0) + slots;
    const driver = new DriverRecord(sender, system.ref<PoolClient>(client), held);
    this.#drivers.set(sender, driver);
    this.context.monitor(client);
    this.#hasOthers ||= sender !== address.node;
    if (this.#backend.shared) for (const holding of holdings) this.#adopt(holding);
    // Before anything is granted; also of executors that another has brought in.
    const now = performance.now();
    for (const executor of this.#executors.values()) executor.lease(sender, driver.slotsOf(executor.id), now);
    return { supervisor: address, policy: this.#policy };
  }

  /** What a driver needs and holds now. Answers false if it is not known here (any more): it must join again. */
  report(report: Report): boolean {
    const driver = this.#drivers.get(this.context.sender);
    if (!driver) return false;
    if (!driver.isHeard) this.#welcome(driver);
    driver.reported(report);
    const idleSince = performance.now() - report.idleMs;
    for (const executor of this.#executors.values()) {
      executor.lease(driver.id, driver.slotsOf(executor.id), idleSince);
    }
    this.#act();
    return true;
  }

  /** It knows by now whose word counts. */
  #welcome({ client }: DriverRecord): void {
    if (this.#failures.error) client.tell.bootFailed(this.#failures.error, false);
    client.tell.fleet(this.#counts());
  }

  /** A driver cannot get a cell on an executor that it was granted. What others run there may finish. */
  unusable(executor: string, error: unknown): void {
    const record = this.#executors.get(executor);
    // One that drains starts no cells any more.
    if (record?.state.name !== "ready") return;
    const isShared = [...record.leases.keys()].some((driver) => driver !== this.context.sender);
    if (isShared) this.#drain(record);
    this.#failed(record, error);
  }

  /**
   * Another driver supervises a pool of this name too, as both opened it at the same moment. Of the two, the one
   * whose id sorts first stays; the other stops, and its drivers join again.
   */
  claim(): void {
    const { sender, address, system } = this.context;
    if (sender === address.node) return;
    if (sender < address.node) return void this.context.stop();
    this.#settle();
    // We may have been frozen, and the other be there because we were taken for gone: then we are about to hear that.
    const timer = setTimeout(() => {
      this.#claims.delete(timer);
      system.tell({ node: sender, actor: address.actor }, "claim", []);
    }, CLAIM_MS);
    this.#claims.add(timer);
  }

  /** A driver has gone on to other things. */
  leave(): void {
    this.#forget(this.context.sender);
    this.#act();
  }

  /** An executor is up. Answers false if it is not wanted any more: it must end. */
  register(agent: Address): boolean {
    const executor = this.#executors.get(agent.node);
    if (executor?.state.name !== "booting") return false;
    executor.become({ name: "ready", agent, unwatch: this.context.monitor(agent) });
    executor.idleSince = performance.now();
    executor.expiresAt = executor.idleSince + this.#lifetime();
    this.#patience.booted(executor.idleSince - executor.launchedAt);
    this.#failures.succeeded();
    this.#announce({ kind: "growEnd", executor: executor.id });
    this.#act();
    return true;
  }

  #lifetime(): number {
    return this.#policy.lifetime * (1 - LIFETIME_SPREAD * Math.random());
  }

  /** Counts it as booting, and its slots as leased, while its agent is asked. */
  #adopt({ agent, resources, withdrawn }: Holding): void {
    if (this.#executors.has(agent.node)) return;
    const { system, address } = this.context;
    const { bootstrap, token } = this.#options;
    const unwatch = this.context.monitor(agent);
    const { singleUse } = this.#policy;
    const now = performance.now();
    const parts = { id: agent.node, resources, replaces: undefined, singleUse, now };
    const executor = new ExecutorRecord(parts, { name: "adopting", agent, unwatch });
    executor.isShared = true;
    executor.isWithdrawn = withdrawn;
    // Whoever has a cell there was given its one call.
    executor.spent = singleUse;
    for (const driver of this.#drivers.values()) executor.lease(driver.id, driver.slotsOf(executor.id), now);
    this.#executors.set(executor.id, executor);
    const as = { supervisor: address, token: token(), timing: bootstrap.timing };
    void adopt(system.ref<AgentPort>(agent), as, () => executor.state.name === "adopting").then((adopted) =>
      this.context.enqueue(() => this.#adopted(executor, adopted)),
    );
  }

  #adopted(executor: ExecutorRecord, adopted: Adopted | undefined): void {
    const { state } = executor;
    if (state.name !== "adopting") return;
    const now = performance.now();
    if (adopted) {
      executor.become({ ...state, name: "ready" });
      executor.launchedAt = now - adopted.ageMs;
      executor.expiresAt = now - adopted.readyMs + this.#lifetime();
      executor.idleSince = now;
      this.#machines?.include(adopted.owner);
      if (executor.isWithdrawn) this.#drain(executor);
    } else {
      // It belongs to another, or is ending: calls that run there go on, and no more are sent.
      for (const { client } of this.#drivers.values()) client.tell.withdraw(executor.id);
      this.#drop(executor);
      executor.hasEnded(false);
    }
    this.#announce();
    this.#act();
  }

  /** An executor was told to end, by its platform or somebody else: it gets no more work, and what it has may finish. */
  leaving(): boolean {
    const executor = this.#executors.get(this.context.sender);
    if (executor?.state.name !== "ready") return false;
    this.#drain(executor);
    this.#act();
    return true;
  }

  /** Changes the policy for all. Throws `INVALID_OPTION`. */
  scale(change: Scale): Policy {
    this.#policy = scaled(this.#options.pool, this.#policy, change);
    for (const { client } of this.#drivers.values()) client.tell.policy(this.#policy);
    this.#act();
    return this.#policy;
  }

  /** Takes an executor out of service, lets its calls finish, and ends it. False if there is none of that name here. */
  async drain(id: string): Promise<boolean> {
    const executor = this.#executors.get(id);
    if (!executor) return false;
    if (executor.state.name === "ready") this.#drain(executor);
    else if (executor.state.name === "booting") this.#terminate(executor, "drained");
    else executor.isWithdrawn = true;
    this.#act();
    return executor.ended;
  }

  /** What there is to say to a driver whose calls wait. */
  explain(): PoolExplanation {
    const others = [...this.#drivers.values()].filter(({ id }) => id !== this.context.sender);
    return explain(this.#counts(), this.executors(), this.#policy, this.#failures, others);
  }

  executors(): ExecutorInfo[] {
    return describe([...this.#executors.values()], this.#policy.concurrency);
  }

  inspect() {
    return {
      address: this.context.address,
      policy: this.#policy,
      executors: this.executors(),
      drivers: [...this.#drivers.values()].map((driver) => driver.view()),
    };
  }

  override onDown(who: AnyRef, reason: Reason): void {
    const { node } = placeOf(who);
    const executor = this.#executors.get(node);
    if (executor) this.#lose(executor, lost(executor.id, reason));
    else this.#forget(node);
    this.#act();
  }

  override async onStop(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#confirming);
    this.#stopped.resolve();
    for (const timer of this.#claims) clearTimeout(timer);
    this.#unwatchBackend?.();
    this.#stopFollowing();
    const executors = [...this.#executors.values()];
    await Promise.all(executors.map((executor) => this.#letGo(executor)));
  }

  /** What other drivers use is for the supervisor after this one. */
  async #letGo(executor: ExecutorRecord): Promise<void> {
    if (executor.state.name === "booting" || !this.#backend.shared || (await this.#mayLetGo(executor)))
      return this.#terminate(executor, "closed");
    this.#drop(executor);
    executor.hasEnded(false);
  }

  async #mayLetGo({ id, leases, isShared }: ExecutorRecord): Promise<boolean> {
    const { address, system } = this.context;
    const isUsed = [...leases.keys()].some((driver) => driver !== address.node);
    const answer = await mayEnd(this.#agentOf(id), true);
    return answer ?? (!isShared || (system.bus.link.up && !isUsed));
  }

  #agentOf(id: string) {
    return this.context.system.ref<AgentPort>({ node: id, actor: "agent" });
  }

  /** Resolves when the machines that it ends have ended; to be called when it has stopped. */
  async settled(): Promise<void> {
    await this.#machines?.settled();
  }

  get #backend(): Backend {
    return this.#options.backend;
  }

  async #mayTerminate(id: string): Promise<boolean> {
    if (!this.#backend.shared || !this.#hasOthers) return true;
    const agent = this.#agentOf(id);
    let answer = await mayEnd(agent, false);
    if (answer === undefined) {
      // NATS may be split, and it serve another on the other side. If it lives, and has no other, it ends in this time.
      const wait = adoptionMs(this.#options.bootstrap.timing);
      await Promise.race([pause(wait, undefined, { ref: false }), this.#stopped.promise]);
      answer = await mayEnd(agent, false);
    }
    // While we are cut off others may have it. One that does not answer must not go on costing money.
    return answer ?? this.context.system.bus.link.up;
  }

  /**
   * While we are cut off another may take over: what it has is not ours to decide about, and what we launch is in vain.
   * Whoever did says so when it hears us again, within a beat, and its word may take another one.
   */
  get #mayBeFollowed(): boolean {
    const { beat } = this.#options.bootstrap.timing;
    const isNewlyLinked = performance.now() - this.#linkedAgainAt < 2 * beat;
    return this.#hasOthers && (isNewlyLinked || !this.context.system.bus.link.up);
  }

  #act(): void {
    if (this.#mayBeFollowed) return this.#actIn(LINK_MS);
    const now = performance.now();
    const launchAfter = Math.max(this.#failures.launchAfter, this.#settledAt);
    const { actions, wakeAt } = decide(
      [...this.#drivers.values()].map((driver) => driver.view()),
      [...this.#executors.values()],
      this.#policy,
      now,
      { launchAfter, idleFor: this.#patience.idleFor },
    );
    for (const action of actions) this.#carryOut(action);
    if (wakeAt === Number.POSITIVE_INFINITY) clearTimeout(this.#timer);
    else this.#actIn(Math.max(0, wakeAt - now) + 1);
  }

  #actIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.context.enqueue(() => this.#act()), ms);
  }

  #carryOut(action: Action): void {
    switch (action.kind) {
      case "launch": {
        this.#patience.launched(performance.now(), action.count, this.#executors.size);
        for (let i = 0; i < action.count; i++) this.#launch(action.resources, action.replaces);
        return this.#announce({ kind: "growStart", launched: action.count });
      }
      case "grant":
        return this.#grant(action.executor, action.driver, action.slots);
      case "recall":
        return this.#drivers.get(action.driver)?.client.tell.recall(action.keep);
      case "refuse": {
        const sentence = `Pool "${this.#options.pool}" cannot run this call: ${action.reason}`;
        const error = new BonfireError("RESOURCES_EXCEEDED", sentence);
        return this.#drivers.get(action.driver)?.client.tell.refuse(action.resources, error);
      }
      case "drain":
        return this.#drain(this.#executors.get(action.executor) as ExecutorRecord, action.patient);
      case "retire":
        return this.#retire(this.#executors.get(action.executor) as ExecutorRecord, action.reason);
    }
  }

  #grant(id: string, driverId: string, slots: number): void {
    const executor = this.#executors.get(id);
    const driver = this.#drivers.get(driverId);
    if (executor?.state.name !== "ready" || !driver) return;
    const number = ++this.#grants;
    driver.granted(number, id, slots);
    executor.isShared ||= driverId !== this.context.address.node;
    executor.lease(driverId, (executor.leases.get(driverId) ?? 0) + slots, performance.now());
    this.#offer(driver, { number, executor: id, slots });
    this.#confirming ??= this.#offerLater();
  }

  #offerLater(): NodeJS.Timeout {
    return setTimeout(() => this.context.enqueue(() => this.#offerAgain()), CONFIRM_MS);
  }

  #offer({ client }: DriverRecord, grant: Grant): void {
    const executor = this.#executors.get(grant.executor);
    if (executor?.state.name !== "ready") return;
    const { state, resources } = executor;
    client.tell.grant({ ...grant, agent: state.agent, resources, once: this.#policy.singleUse });
  }

  /** A link may have broken under grants: nobody would ever say that they came, nor give back their slots. */
  #offerAgain(): void {
    const drivers = [...this.#drivers.values()].filter(({ unconfirmed }) => unconfirmed.length > 0);
    this.#confirming = drivers.length > 0 ? this.#offerLater() : undefined;
    if (!this.context.system.bus.link.up) return;
    for (const driver of drivers) for (const grant of driver.unconfirmed) this.#offer(driver, grant);
  }

  #launch(resources: Resources, replaces: string | undefined): void {
    const { backend, pool, bootMs, shutdownMs, bootstrap, token } = this.#options;
    const { lifetime, singleUse } = this.#policy;
    const id = newNodeId("e");
    const launch = new AbortController();
    const timer = setTimeout(() => {
      const error = new BonfireError(
        "BOOT_TIMEOUT",
        `Executor ${id} did not register within ${bootMs} ms of its launch`,
      );
      this.context.enqueue(() => this.#bootFailed(id, error));
    }, bootMs);
    const now = performance.now();
    const booting: Booting = { name: "booting", launch, timer, accepted: false };
    this.#executors.set(id, new ExecutorRecord({ id, resources, replaces, singleUse, now }, booting));
    const supervisor = this.context.address;
    const request = {
      launchId: id,
      owner: supervisor.node,
      pool,
      resources,
      // Its own boot, its time, its successor's boot, and the calls that it may finish then.
      lifetimeMs: lifetime + 2 * bootMs + shutdownMs,
      bootstrap: {
        ...{ ...bootstrap, executor: id, supervisor, registerMs: bootMs, shutdownMs },
        ...{ token: String(token()), adoptable: backend.shared === true },
      },
    };
    this.#machines?.launch(request, launch.signal).then(
      () => {
        booting.accepted = true;
      },
      (error: unknown) => this.context.enqueue(() => this.#bootFailed(id, error)),
    );
  }

  #bootFailed(id: string, cause: unknown): void {
    const executor = this.#executors.get(id);
    if (executor?.state.name === "booting") this.#failed(executor, cause);
  }

  /** An executor never became of use, or is to nobody who comes: drivers learn why, and the next launch waits. */
  #failed(executor: ExecutorRecord, cause: unknown): void {
    const now = performance.now();
    // One that has served until now has not failed for as long as it lived.
    const since = executor.state.name === "booting" ? executor.launchedAt : now;
    const { error, hopeless } = this.#failures.note(cause, since, now);
    if (executor.state.name !== "draining") {
      const leaseholders = [...executor.leases.keys()];
      this.#terminate(executor, "lost", { kind: "growEnd", executor: executor.id, error });
      for (const driver of leaseholders) this.#drivers.get(driver)?.client.tell.lost(executor.id, error);
    }
    // While any executor lives, or may yet, those who wait have something to wait for.
    const { ready, booting } = this.#counts();
    const final = hopeless && ready + booting === 0;
    for (const { client } of this.#drivers.values()) client.tell.bootFailed(error, final);
    this.#act();
  }

  /** The platform says that a machine has ended. */
  #machineEnded(id: string, detail: string): void {
    const executor = this.#executors.get(id);
    if (!executor) return;
    if (executor.state.name === "booting") this.#bootFailed(id, new BackendError("transient", detail));
    else this.#lose(executor, new BonfireError("EXECUTOR_LOST", `Executor ${id} is gone: ${detail}`));
    this.#act();
  }

  async #reconcile(): Promise<void> {
    if (this.#mayBeFollowed) return;
    const lost = await this.#machines?.reconcile(() => {
      const known = [...this.#executors.values()];
      const expected = known.filter(({ state }) =>
        state.name === "booting" ? state.accepted : state.name !== "adopting",
      );
      return { known: new Set(known.map(idOf)), expected: new Set(expected.map(idOf)) };
    });
    for (const id of lost ?? [])
      this.context.enqueue(() => this.#machineEnded(id, "its platform lists it no more"));
  }

  #lose(executor: ExecutorRecord, error: BonfireError): void {
    for (const driver of executor.leases.keys())
      this.#drivers.get(driver)?.client.tell.lost(executor.id, error);
    // Whatever made it unreachable, it must not go on costing money.
    this.#terminate(executor, "lost");
  }

  /** Takes it off the offer list. Its drivers give back what they hold as their calls end; then `decide` retires it. */
  #drain(executor: ExecutorRecord, patient = false): void {
    const { state } = executor;
    if (state.name !== "ready") return;
    const { agent, unwatch } = state;
    const by = patient ? Number.POSITIVE_INFINITY : performance.now() + this.#options.shutdownMs;
    executor.become({ name: "draining", agent, unwatch, by });
    for (const driver of executor.leases.keys()) this.#drivers.get(driver)?.client.tell.withdraw(executor.id);
    this.#announce();
  }

  #retire(executor: ExecutorRecord, reason: RetireReason): void {
    const { idleCheck } = this.#options;
    if (reason === "idle" && idleCheck) void this.#ask(executor, idleCheck);
    else this.#terminate(executor, reason);
  }

  /** The pool's owner may keep an executor that is idle: then it is asked again after another `idleAfter`. */
  async #ask(executor: ExecutorRecord, check: IdleCheck): Promise<void> {
    if (executor.asking) return;
    executor.asking = true;
    const { id, idleSince } = executor;
    let mayGo = false;
    try {
      mayGo = await check({ executor: id, idleMs: Math.round(performance.now() - idleSince) });
    } catch (error) {
      // A check that cannot answer lets nothing go.
      process.emitWarning(asError(error));
    }
    this.context.enqueue(() => {
      executor.asking = false;
      const unused = executor.state.name === "ready" && executor.leased === 0;
      if (unused && executor.idleSince === idleSince) {
        if (mayGo) this.#terminate(executor, "idle");
        else executor.idleSince = performance.now();
      }
      this.#act();
    });
  }

  /** Takes it off the offer list first, then stops it. */
  #terminate(executor: ExecutorRecord, reason: ShrinkReason, told?: EventOf): void {
    const { state, id } = executor;
    if (state.name === "booting") state.launch.abort();
    // So that it need not ask leave, which a supervisor that is about to stop would answer too late.
    else if (state.name !== "leaving") this.context.system.ref<AgentPort>(state.agent).tell.released();
    const late = state.name === "draining" && performance.now() >= state.by;
    if (reason === "idle") this.#patience.retired(performance.now());
    this.#drop(executor);
    this.#announce(told ?? { kind: "shrink", executor: id, reason });
    const graceMs = late ? GOODBYE_MS : this.#options.shutdownMs;
    // Nobody can have adopted what no other driver was ever given.
    const isOurs = !executor.isShared;
    void this.#machines?.terminate(id, graceMs, reason, isOurs).then(executor.hasEnded);
  }

  #drop(executor: ExecutorRecord): void {
    executor.become({ name: "leaving" });
    this.#executors.delete(executor.id);
    for (const driver of this.#drivers.values()) driver.forget(executor.id);
  }

  #forget(driver: string): void {
    this.#drivers.delete(driver);
    const now = performance.now();
    for (const executor of this.#executors.values()) executor.lease(driver, 0, now);
  }

  #counts(): FleetCounts {
    const counts = { ready: 0, booting: 0, draining: 0 };
    for (const { phase } of this.#executors.values()) counts[phase]++;
    return counts;
  }

  /** Tells every driver how many executors there are, and what has changed. */
  #announce(event?: EventOf): void {
    const counts = this.#counts();
    const told = event && ({ ...event, ...counts } as FleetEvent);
    for (const { client } of this.#drivers.values()) client.tell.fleet(counts, told);
  }
}

/** An event without its counts. */
type EventOf = FleetEvent extends infer E
  ? E extends FleetEvent
    ? Omit<E, keyof FleetCounts>
    : never
  : never;

function idOf({ id }: ExecutorRecord): string {
  return id;
}

/** What calls fail with: to them an executor that stopped in order is lost too. */
function lost(id: string, reason: Reason): BonfireError {
  const cause = reasonError(`Executor ${id}`, reason);
  return new BonfireError("EXECUTOR_LOST", cause.message, { cause });
}
