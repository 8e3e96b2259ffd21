/** Keeps the supervisor informed of what a driver needs and holds, also across lost messages and lost links. */
import { channel } from "node:diagnostics_channel";
import type { Ref } from "../actor/ref.ts";
import type { Report } from "../supervisor/driver-record.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";

const RETRY_MS = 500;
/** A link may have broken under a report, or under its answer. What is reported twice does no harm. */
const ANSWER_MS = 2_000;
/** Reports that did not get through, `{ error }`; each is tried again. */
const failures = channel("bonfire:report-failed");

export class LeaseReport {
  readonly #read: () => Report;
  readonly #onForgotten: () => void;
  #supervisor: Ref<Supervisor> | undefined;
  /** What the supervisor has confirmed. */
  #known = "";
  #busy = false;
  #again = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(read: () => Report, onForgotten: () => void) {
    this.#read = read;
    this.#onForgotten = onForgotten;
  }

  serveUnder(supervisor: Ref<Supervisor> | undefined): void {
    this.#supervisor = supervisor?.with({ deadline: ANSWER_MS });
    this.#known = "";
    clearTimeout(this.#retry);
    this.changed();
  }

  /** Something may have changed: says so once per turn of the event loop, one message at a time. */
  changed(): void {
    this.#again = true;
    if (this.#busy || !this.#supervisor) return;
    this.#busy = true;
    queueMicrotask(() => void this.#send());
  }

  close(): void {
    this.#supervisor = undefined;
    clearTimeout(this.#retry);
  }

  async #send(): Promise<void> {
    while (this.#again && this.#supervisor) {
      this.#again = false;
      const supervisor = this.#supervisor;
      const report = this.#read();
      const { demand, busy, held, seen } = report;
      // How long they have waited changes all the time, and is no news.
      const needs = demand.map(({ oldestMs, ...need }) => need);
      const key = JSON.stringify([needs, busy, held, seen]);
      if (key === this.#known) continue;
      try {
        const known = await supervisor.report(report);
        if (supervisor !== this.#supervisor) continue;
        this.#known = key;
        if (!known) this.#onForgotten();
      } catch (error) {
        failures.publish({ error });
        // If the supervisor is gone, its monitor says so; if the link is down, it comes back.
        this.#retry = setTimeout(() => this.changed(), RETRY_MS);
        break;
      }
    }
    this.#busy = false;
  }
}
