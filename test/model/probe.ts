/** The actor that all sequences use: it writes down what happens to it. It is shipped too, so it imports little. */
import { Actor, type AnyRef, type Reason } from "@bonfire/runtime";
import type { News } from "./event.ts";

export interface ProbeOptions {
  /** What it is a holder of, if somebody supervises it. */
  readonly holds?: string | undefined;
  /** The name that it is registered with from its start. */
  readonly name?: string | undefined;
}

export abstract class Probe extends Actor {
  readonly #key: string;
  readonly #options: ProbeOptions;
  readonly #monitors = new Map<string, string[]>();

  constructor(key: string, options: ProbeOptions = {}) {
    super();
    this.#key = key;
    this.#options = options;
  }

  /** Writes down what belongs to the sequence of `key`. */
  protected abstract record(key: string, news: News): void;
  /** The place that a ref means now; `told`: what it meant to whoever passed it. */
  protected abstract meant(ref: AnyRef, told: string): string | undefined;
  /** The process that started it on an executor. */
  protected get driver(): string | undefined {
    return undefined;
  }

  get #place(): string {
    const { node, actor, epoch } = this.context.address;
    return `${node}/${actor}#${epoch}`;
  }

  override onStart(): void {
    const { system, address } = this.context;
    const { holds, name } = this.#options;
    const place = this.#place;
    this.record(this.#key, { kind: "started", place, driver: this.driver });
    // What a monitor in the same process says is what happened: others may see it late, or not at all.
    system.monitor(address, ({ kind }) => this.record(this.#key, { kind: "ended", place, reason: kind }));
    if (holds) this.record(this.#key, { kind: "holds", what: holds, place });
    if (name) this.record(this.#key, { kind: "named", name, place, token: String(this.token) });
  }

  note(message: string): string {
    const place = this.#place;
    this.record(message, { kind: "handled", message, sender: this.sender, by: place, token: this.#token() });
    return place;
  }

  /** That of its name, if it has one. */
  #token(): string | undefined {
    try {
      return String(this.token);
    } catch {
      return undefined; // it has no name
    }
  }

  /** Lets others wait in the mailbox. */
  async noteSlowly(message: string): Promise<string> {
    const place = this.note(message);
    await new Promise((resolve) => setTimeout(resolve, 4));
    return place;
  }

  crash(): void {
    this.stop(new Error("told to crash"));
  }

  watch(monitor: string, ref: AnyRef, told: string): void {
    const of = this.meant(ref, told);
    if (of === undefined) return;
    this.record(monitor, { kind: "monitored", monitor, by: this.#place, of });
    this.#monitors.set(ref.address, [...(this.#monitors.get(ref.address) ?? []), monitor]);
    this.monitor(ref);
  }

  override onDown(ref: AnyRef, { kind }: Reason): void {
    const [monitor, ...others] = this.#monitors.get(ref.address) ?? [];
    this.#monitors.set(ref.address, others);
    if (monitor === undefined)
      throw new Error(`${this.#place} was told of ${ref.address}, which it did not watch`);
    this.record(monitor, { kind: "down", monitor, reason: kind });
  }

  tie(ref: AnyRef, told: string): void {
    const other = this.meant(ref, told);
    if (other === undefined) return;
    this.link(ref);
    this.record(this.#key, { kind: "linked", one: this.#place, other });
  }
}
