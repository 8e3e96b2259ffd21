/** The actor that stands for an executor: registers with the supervisor, gives each driver a cell, and lets go. */
import { setTimeout as pause } from "node:timers/promises";
import {
  Actor,
  type Bootstrap,
  type CellOffer,
  type Presence,
  placeOf,
  type Ref,
  type Supervisor,
} from "@bonfire/runtime/internal";
import { hasCode } from "@bonfire/wire";
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
  /** Called when the supervisor is gone, and with it whoever could give this executor work. */
  orphan(): void;
}

export class Agent extends Actor {
  static readonly reentrant = ["inspect"] as const;
  readonly #options: AgentOptions;
  readonly #offers = new Map<string, Promise<CellOffer>>();
  readonly #released = Promise.withResolvers<void>();
  #spare: CellHandle | undefined;

  constructor(options: AgentOptions) {
    super();
    this.#options = options;
    this.#spare = options.firstCell;
    // One that ended before anybody came is of use to nobody.
    void options.firstCell.ended.then(() => {
      if (this.#spare === options.firstCell) this.#spare = undefined;
    });
  }

  override onStart(): void {
    // Whoever cannot register is of no use to anybody.
    this.#register().catch((error: unknown) => this.context.stop({ kind: "error", error }));
    this.context.monitor(this.#options.bootstrap.supervisor);
  }

  /** The asking driver's cell. Rejects with the reason if its process cannot be started. */
  admit(): Promise<CellOffer> {
    const tenant = this.context.sender;
    const existing = this.#offers.get(tenant);
    if (existing) return existing;
    const cell = this.#spare ?? this.#options.cells.start();
    this.#spare = undefined;
    const offer = this.#give(cell, tenant);
    this.#offers.set(tenant, offer);
    const forget = () => this.#offers.get(tenant) === offer && this.#offers.delete(tenant);
    offer.catch(forget);
    void cell.ended.then(forget);
    return offer;
  }

  /** The asking driver has closed its pool. If it opens it again, it gets another cell. */
  async dismiss(): Promise<void> {
    const offer = this.#offers.get(this.context.sender);
    this.#offers.delete(this.context.sender);
    if (!offer) return;
    const { keeper } = await offer;
    void this.context.system.stop(keeper);
  }

  /** The supervisor wants this executor no more, and knows that it ends. */
  released(): void {
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
    const supervisor: Ref<Supervisor> = this.context.system.ref(this.#options.bootstrap.supervisor);
    await Promise.race([supervisor.with({ deadline: LEAVE_MS }).leaving(), this.#released.promise]);
  }

  async #register(): Promise<void> {
    const supervisor: Ref<Supervisor> = this.context.system.ref(this.#options.bootstrap.supervisor);
    const giveUpAt = performance.now() + this.#options.bootstrap.timing.lease;
    for (;;) {
      try {
        const wanted = await supervisor.register(this.context.address);
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

  override onDown(): void {
    this.#options.orphan();
  }

  override async onStop(): Promise<void> {
    await this.#spare?.stop(1_000);
  }
}
