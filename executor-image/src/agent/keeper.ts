/** The actor that keeps one driver's cell: it ends when the cell's process does, and the reason is why. */
import { Actor, type Presence } from "@bonfire/runtime/internal";
import { BonfireError } from "@bonfire/wire";
import type { CellHandle } from "./cell-process.ts";

const PING_MS = 150;
const STOP_MS = 500;

export class Keeper extends Actor {
  readonly #cell: CellHandle;
  readonly #tenant: string;
  readonly #presence: Presence;
  #unwatch: (() => void) | undefined;

  constructor(cell: CellHandle, tenant: string, presence: Presence) {
    super();
    this.#cell = cell;
    this.#tenant = tenant;
    this.#presence = presence;
  }

  override onStart(): void {
    void this.#cell.ended.then((error) => this.context.stop({ kind: "error", error }));
    // Its driver is gone: nobody waits for what this cell does.
    this.#unwatch = this.#presence.watch(this.#tenant, () => void this.context.stop());
  }

  /**
   * A call did not end in time. A process that does not answer is stuck in native code: it is killed, and this
   * rejects with the reason.
   */
  async overdue(reason: string): Promise<void> {
    if (this.context.sender !== this.#tenant) {
      throw new BonfireError("NOT_YOURS", "Only the driver that this cell serves may report it");
    }
    if (await this.#cell.answers(PING_MS)) return;
    const error = new BonfireError(
      "CELL_RESET",
      `The cell was killed as it could not be interrupted: ${reason}`,
    );
    this.#cell.kill(error);
    await this.#cell.ended;
    throw error;
  }

  override async onStop(): Promise<void> {
    this.#unwatch?.();
    await this.#cell.stop(STOP_MS);
  }
}
