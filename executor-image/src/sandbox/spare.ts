/** Keeps one built isolate ready, so that no call waits for one: it is built, and then warmed, when the process has a moment. */
import { GuestIsolate } from "./isolate.ts";

/** Milliseconds of quiet before a spare is built, and how often building is put off at most. */
const QUIET = 20;
const MOST_DELAYS = 50;

export class SpareIsolate {
  readonly #build: () => GuestIsolate;
  #spare: GuestIsolate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastUse = 0;
  #builtOnDemand = 0;

  constructor(memoryMb: number, facts: string) {
    this.#build = () => new GuestIsolate(memoryMb, facts);
  }

  /** Whether one is ready, and how often somebody had to wait for one to be built. */
  inspect(): { readonly ready: boolean; readonly builtOnDemand: number } {
    return { ready: this.#spare !== undefined, builtOnDemand: this.#builtOnDemand };
  }

  /** The very first one, built while nobody waits. */
  first(): GuestIsolate {
    this.#plan(MOST_DELAYS);
    return this.#build();
  }

  /** The spare one, or one built now when there is none. */
  take(): GuestIsolate {
    if (this.#spare === undefined) this.#builtOnDemand++;
    const isolate = this.#spare ?? this.#build();
    this.#spare = undefined;
    this.#plan(MOST_DELAYS);
    return isolate;
  }

  /** Puts off building while calls come in. */
  noteUse(now: number): void {
    this.#lastUse = now;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#spare?.dispose();
    this.#spare = undefined;
  }

  #plan(delays: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (delays > 0 && performance.now() - this.#lastUse < QUIET) this.#plan(delays - 1);
      else if (this.#spare === undefined) {
        this.#spare = this.#build();
        this.#plan(MOST_DELAYS);
      } else this.#spare.warm();
    }, QUIET);
    this.#timer.unref();
  }
}
