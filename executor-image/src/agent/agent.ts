/** The actor that stands for an executor: registers with the supervisor, gives each driver a cell, and lets go. */
import {
  Actor,
  type Address,
  type Bootstrap,
  type CellOffer,
  type Ref,
  type Supervisor,
  type Watcher,
} from "@bonfire/runtime/internal";
import type { CellProcess } from "./cell-process.ts";
import { Keeper } from "./keeper.ts";
import { startCell } from "./start-cell.ts";

export interface AgentOptions {
  readonly bootstrap: Bootstrap;
  readonly watcher: Watcher;
  /** A cell that was started before anything else, for whoever comes first. */
  readonly firstCell: CellProcess;
}

export class Agent extends Actor {
  readonly #options: AgentOptions;
  readonly #offers = new Map<string, Promise<CellOffer>>();
  #spare: CellProcess | undefined;

  constructor(options: AgentOptions) {
    super();
    this.#options = options;
    this.#spare = options.firstCell;
  }

  override onStart(): void {
    // Whoever cannot register is of no use to anybody.
    this.#register().catch((error: unknown) => this.context.stop({ kind: "error", error }));
    this.context.monitor(this.#options.bootstrap.supervisor);
  }

  /** The asking driver's cell. Rejects with the reason if its process cannot be started. */
  admit(): Promise<CellOffer> {
    const tenant = this.context.sender;
    let offer = this.#offers.get(tenant);
    if (!offer) {
      offer = this.#admit(tenant);
      this.#offers.set(tenant, offer);
      offer.catch(() => this.#offers.delete(tenant));
    }
    return offer;
  }

  async #admit(tenant: string): Promise<CellOffer> {
    const cell = this.#spare ?? startCell(this.#options.bootstrap);
    this.#spare = undefined;
    await cell.serve(tenant);
    const keeper = await this.context.system.spawn(
      new Keeper(cell, tenant, this.#options.watcher),
      cell.node,
    );
    void cell.ended.then(() => this.#offers.delete(tenant));
    return { keeper: keeper.address, node: cell.node };
  }

  async #register(): Promise<void> {
    const supervisor: Ref<Supervisor> = this.context.system.ref(this.#options.bootstrap.supervisor);
    const wanted = await supervisor.register(this.context.address);
    if (!wanted) await this.context.stop();
  }

  /** The supervisor is gone, and with it whoever could give this executor work. */
  override onDown(_who: Address): void {
    void this.context.stop();
  }

  override async onStop(): Promise<void> {
    await this.#spare?.stop(1_000);
  }
}
