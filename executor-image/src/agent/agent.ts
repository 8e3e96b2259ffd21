/** The actor that stands for an executor: registers with the supervisor, gives each driver a cell, and lets go. */
import { setTimeout as pause } from "node:timers/promises";
import {
  Actor,
  type Address,
  type Adopted,
  type AnyRef,
  adoptionMs,
  type Bootstrap,
  type CellOffer,
  type Presence,
  placeOf,
  type Reason,
  type Ref,
  type Supervisor,
} from "@bonfire/runtime/internal";
import { BonfireError, hasCode } from "@bonfire/wire";
import { announceActors } from "./actor-presence.ts";
import type { CellHandle } from "./cell-process.ts";
import { Keeper } from "./keeper.ts";

/** How long telling the supervisor may take before an executor stops all the same. */
const LEAVE_MS = 1_000;
const AGAIN_MS = 100;

export interface AgentOptions {
  readonly bootstrap: Bootstrap;
  readonly cells: { start(): CellHandle };
  readonly presence: Presence;
  /** A cell that was started before anything else, for whoever comes first. */
  readonly firstCell: CellHandle;
  /** Resolves when others have taken this executor for gone, and work without it. */
  readonly fenced: Promise<void>;
  /** Called when the supervisor is gone, no driver has a cell here, or no other supervisor has come for it. */
  orphan(): void;
}

export class Agent extends Actor {
  /** Whose this executor is must be told while a cell starts, too, and that nobody waits for that any more. */
  static readonly reentrant = ["inspect", "adopt", "mayEnd", "released", "dismiss"] as const;
  readonly #options: AgentOptions;
  /** The drivers that have a cell here, or are getting one. */
  readonly #offers = new Map<string, Promise<CellOffer>>();
  readonly #released = Promise.withResolvers<void>();
  /** Whose this executor is; undefined while it waits for the next one. */
  #supervisor: Address | undefined;
  /** The greatest fencing token of those whose it was. */
  #token: bigint;
  #unwatch: () => void = () => undefined;
  #waiting: NodeJS.Timeout | undefined;
  #stopFollowing: () => void = () => undefined;
  /** When the supervisor said that this executor is ready. */
  #readyAt = performance.now();
  #isLeaving = false;
  #spare: CellHandle | undefined;

  constructor(options: AgentOptions) {
    super();
    this.#options = options;
    this.#token = BigInt(options.bootstrap.token);
    this.#spare = options.firstCell;
    // One that ended before anybody came is of use to nobody.
    void options.firstCell.ended.then(() => {
      if (this.#spare === options.firstCell) this.#spare = undefined;
    });
  }

  override onStart(): void {
    // Whoever cannot register is of no use to anybody.
    this.#register().catch((error: unknown) => this.context.stop({ kind: "error", error }));
    this.#serve(this.#options.bootstrap.supervisor);
    void this.#options.fenced.then(() => this.#orphan());
    this.#stopFollowing = this.context.system.bus.onReconnect(() => this.#waiting && this.#wait());
  }

  #serve(supervisor: Address): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#unwatch();
    this.#supervisor = supervisor;
    this.#unwatch = this.context.monitor(supervisor);
  }

  /** The asking supervisor follows the last one, which is gone, or is outdated by its token. */
  adopt(supervisor: Address, token: bigint): Adopted | "leaving" | undefined {
    if (this.#isLeaving) return "leaving";
    const { bootstrap } = this.#options;
    const isOurs = isSame(this.#supervisor, supervisor);
    const isFree = this.#supervisor === undefined && token >= this.#token;
    const mayHave = isOurs || isFree || token > this.#token;
    if (supervisor.node !== this.context.sender || !mayHave) return undefined;
    this.#token = token;
    if (!isOurs) this.#serve(supervisor);
    const now = performance.now();
    return { owner: bootstrap.supervisor.node, ageMs: now, readyMs: now - this.#readyAt };
  }

  /** Whether the asking supervisor may end this executor: not if it is another's by now, or waits for the next. */
  mayEnd(letGo: boolean): boolean {
    if (this.context.sender !== this.#supervisor?.node) return false;
    if (!letGo || !this.#isUsed) return true;
    this.#abandoned();
    return false;
  }

  /** Drivers use it, and those that do can have another supervisor. */
  get #isUsed(): boolean {
    return this.#options.bootstrap.adoptable && this.#offers.size > 0;
  }

  #abandoned(): void {
    this.#unwatch();
    this.#supervisor = undefined;
    if (this.#isUsed) this.#wait();
    else this.#orphan();
  }

  #orphan(): void {
    this.#isLeaving = true;
    this.#options.orphan();
  }

  /** Begins anew when the link to NATS is back, as nobody could come while it was down. */
  #wait(): void {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => {
      if (this.context.system.bus.link.up) this.#orphan();
    }, adoptionMs(this.#options.bootstrap.timing));
  }

  /** A cell has ended, or is about to. */
  #forget(tenant: string): void {
    this.#offers.delete(tenant);
    if (this.#waiting && !this.#isUsed) this.#orphan();
  }

  /** The asking driver's cell. Rejects with the reason if its process cannot be started, or the executor is ending. */
  admit(): Promise<CellOffer> {
    const tenant = this.context.sender;
    const existing = this.#offers.get(tenant);
    if (existing) return existing;
    if (this.#isLeaving) {
      const { executor } = this.#options.bootstrap;
      throw new BonfireError("EXECUTOR_LOST", `Executor ${executor} is ending and starts no more cells`);
    }
    const cell = this.#spare ?? this.#options.cells.start();
    this.#spare = undefined;
    const offer = this.#give(cell, tenant);
    this.#offers.set(tenant, offer);
    const forget = () => this.#offers.get(tenant) === offer && this.#forget(tenant);
    offer.catch(forget);
    void cell.ended.then(forget);
    return offer;
  }

  /** The asking driver has closed its pool. If it opens it again, it gets another cell. */
  async dismiss(): Promise<void> {
    const offer = this.#offers.get(this.context.sender);
    if (!offer) return;
    this.#forget(this.context.sender);
    const { keeper } = await offer;
    void this.context.system.stop(keeper);
  }

  /** The supervisor wants this executor no more, and knows that it ends. */
  released(): void {
    if (this.context.sender !== this.#supervisor?.node) return;
    this.#isLeaving = true;
    this.#released.resolve();
  }

  /** The executor's actors: this one, its presence, and a keeper for each cell. */
  inspect() {
    const { executor, pool, realm } = this.#options.bootstrap;
    return { id: executor, pool, realm, actors: this.context.system.inspect() };
  }

  async #give(cell: CellHandle, tenant: string): Promise<CellOffer> {
    announceActors(cell, this.#options.presence);
    await cell.serve(tenant);
    const { system } = this.context;
    const keeper = await system.spawn(new Keeper(cell, tenant, this.#options.presence), cell.node);
    return { keeper: placeOf(keeper), node: cell.node };
  }

  /** Somebody wants this executor to end: its supervisor gives it no more work. Rejects if that cannot be told. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    if (!this.#supervisor) return;
    const supervisor: Ref<Supervisor> = this.context.system.ref(this.#supervisor);
    await Promise.race([supervisor.with({ deadline: LEAVE_MS }).leaving(), this.#released.promise]);
  }

  async #register(): Promise<void> {
    const supervisor: Ref<Supervisor> = this.context.system.ref(this.#options.bootstrap.supervisor);
    const giveUpAt = performance.now() + this.#options.bootstrap.timing.lease;
    for (;;) {
      try {
        const wanted = await supervisor.register(this.context.address);
        this.#readyAt = performance.now();
        if (!wanted) await this.context.stop();
        return;
      } catch (error) {
        // Its driver may be reconnecting, as after a restart of NATS; it has heard nothing then.
        const mayPass = hasCode(error, "NO_SUCH_ACTOR") || hasCode(error, "LINK_DOWN");
        if (!mayPass || performance.now() > giveUpAt) throw error;
        await pause(AGAIN_MS);
      }
    }
  }

  override onDown(who: AnyRef, { kind }: Reason): void {
    const gone = placeOf(who);
    if (!isSame(this.#supervisor, gone)) return;
    // What that driver has here ends as well, by its keeper.
    if (kind === "lost") this.#offers.delete(gone.node);
    this.#abandoned();
  }

  override async onStop(): Promise<void> {
    clearTimeout(this.#waiting);
    this.#stopFollowing();
    await this.#spare?.stop(1_000);
  }
}

function isSame(one: Address | undefined, { node, actor, epoch }: Address): boolean {
  return one?.node === node && one.actor === actor && one.epoch === epoch;
}
