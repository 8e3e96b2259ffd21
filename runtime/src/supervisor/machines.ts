/** A pool's machines as the platform knows them: launched once each, ended for sure, and compared with the ledger. */
import { channel } from "node:diagnostics_channel";
import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "@bonfire/wire";
import type { Backend, BackendError, LaunchRequest } from "../backend/port.ts";

/** How long a platform's list may lag behind what it has done. */
const SETTLE_MS = 2_000;
/** Launches whose answer was lost, `{ launchId, error }`, and lists that failed, `{ error }`; both are repeated. */
const doubts = channel("bonfire:launch-doubted");
const failures = channel("bonfire:list-failed");

/** What the supervisor knows of. */
export interface Ledger {
  readonly known: ReadonlySet<string>;
  /** Those of them that the platform has accepted. */
  readonly expected: ReadonlySet<string>;
}

/** Whether an executor may be ended by this supervisor. */
export type MayEnd = (launchId: string) => boolean | Promise<boolean>;

export class Machines {
  readonly #backend: Backend;
  readonly #filter: { readonly owner: string; readonly pool: string };
  readonly #mayEnd: MayEnd;
  /** The drivers under whose names the platform lists machines of ours; true: none when it was last asked. */
  readonly #owners = new Map<string, boolean>();
  readonly #ending = new Map<string, Promise<unknown>>();
  /** In the last list, but not in the ledger then. */
  #strangers = new Set<string>();
  /** In the ledger, but not in the last list. */
  #missing = new Set<string>();

  constructor(
    backend: Backend,
    filter: { readonly owner: string; readonly pool: string },
    mayEnd: MayEnd = () => true,
  ) {
    this.#backend = backend;
    this.#filter = filter;
    this.#mayEnd = mayEnd;
    this.include(filter.owner);
  }

  /** From now on what `owner` has launched for the pool is looked after here, until there is none of it. */
  include(owner: string): void {
    this.#owners.set(owner, false);
  }

  /**
   * Resolves when the platform has accepted. Where an answer was lost, the list says whether the machine is there; only
   * if it is not, also not after the list had time to settle, it is asked for again under the same id.
   */
  async launch(request: LaunchRequest, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#backend.launch(request, signal);
        return;
      } catch (error) {
        if (signal.aborted || !mayExist(error)) throw error;
        doubts.publish({ launchId: request.launchId, error });
      }
      if (await this.#lists(request.launchId)) return;
      await pause(SETTLE_MS, undefined, { signal });
      if (await this.#lists(request.launchId)) return;
    }
  }

  /**
   * Ends it, by force when `graceMs` is over, if it may: with `isOurs` it need not be asked. Resolves with whether it
   * might. A failure is a process warning, as it costs money.
   */
  terminate(launchId: string, graceMs: number, reason: string, isOurs = false): Promise<boolean> {
    const ending = this.#terminate(launchId, graceMs, reason, isOurs).finally(() =>
      this.#ending.delete(launchId),
    );
    this.#ending.set(launchId, ending);
    return ending;
  }

  async #terminate(launchId: string, graceMs: number, reason: string, isOurs: boolean): Promise<boolean> {
    if (!isOurs && !(await this.#mayEnd(launchId))) return false;
    try {
      await this.#backend.terminate(launchId, { graceMs, reason });
    } catch (error) {
      process.emitWarning(error as Error);
    }
    return true;
  }

  /**
   * Compares with the ledger, twice before anything follows, as lists lag. Machines that nobody knows are ended; returns
   * those of the ledger that are not there.
   */
  async reconcile(read: () => Ledger): Promise<string[]> {
    const before = read();
    let listed: Set<string>;
    try {
      listed = await this.#list();
    } catch (error) {
      failures.publish({ error });
      return [];
    }
    const now = read();
    const strangers = [...listed].filter(
      (id) => !now.known.has(id) && !before.known.has(id) && !this.#ending.has(id),
    );
    for (const id of strangers) {
      if (this.#strangers.has(id)) void this.terminate(id, 0, "no supervisor knows it");
    }
    const missing = [...before.expected].filter((id) => now.known.has(id) && !listed.has(id));
    const lost = missing.filter((id) => this.#missing.has(id));
    this.#strangers = new Set(strangers);
    this.#missing = new Set(missing);
    return lost;
  }

  async #list(): Promise<Set<string>> {
    const { owner: self, pool } = this.#filter;
    const lists = Array.from(this.#owners, async ([owner, wasEmpty]) => {
      const machines = await this.#backend.list({ owner, pool });
      const isEmpty = machines.length === 0;
      // As they lag, only the second list is believed; whatever is known of this owner is lost by it, too.
      if (isEmpty && wasEmpty && owner !== self) this.#owners.delete(owner);
      else this.#owners.set(owner, isEmpty);
      return machines;
    });
    return new Set((await Promise.all(lists)).flat().map(({ launchId }) => launchId));
  }

  /** Resolves when everything that was to end has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#ending.values());
  }

  async #lists(launchId: string): Promise<boolean> {
    const machines = await this.#backend.list(this.#filter);
    return machines.some((machine) => machine.launchId === launchId);
  }
}

function mayExist(error: unknown): boolean {
  return hasCode(error, "BACKEND_ERROR") && (error as BackendError).mayExist;
}
