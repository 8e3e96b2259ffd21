/** The probe on an executor, whose ledger is an actor in the process that runs the model. */
import type { AnyRef, Ref } from "@bonfire/runtime";
import type { News } from "./event.ts";
import { Probe, type ProbeOptions } from "./probe.ts";
import type { Scribe } from "./scribe.ts";

export class FarProbe extends Probe {
  readonly #scribe: Ref<Scribe>;
  readonly #driver: string;

  constructor(key: string, scribe: Ref<Scribe>, driver: string, options: ProbeOptions = {}) {
    super(key, options);
    this.#scribe = scribe;
    this.#driver = driver;
  }

  protected override record(key: string, news: News): void {
    // The wall clock: that of `hrtime` begins anew in each isolate.
    this.#scribe.tell.write(key, performance.timeOrigin + performance.now(), news);
  }

  protected override meant(_ref: AnyRef, told: string): string {
    return told;
  }

  protected override get driver(): string {
    return this.#driver;
  }
}
