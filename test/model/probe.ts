/** The actor that all sequences use: it writes down what happens to it. */
import { Actor, type AnyRef, type Fire, type Reason, type Ref } from "@bonfire/runtime";
import { type Address, placeOf } from "@bonfire/runtime/internal";
// The place that a ref means at this moment is no user's business, and so behind no door.
import { targetOf } from "../../runtime/dist/actor/ref.js";
import { record } from "./ledger.ts";

/** Of this process; set before the first actor starts. */
export const here: { fire: Fire | undefined } = { fire: undefined };

/** The place to which a message would be sent now; undefined while it would wait to hear of it. */
export function meant(ref: AnyRef): string | undefined {
  const target = targetOf(ref);
  return !target || target.held || target.isLost ? undefined : text(target.place);
}

function text({ node, actor, epoch }: Address): string {
  return `${node}/${actor}#${epoch}`;
}

export interface ProbeOptions {
  /** What it is a holder of, if somebody supervises it in its own process. */
  readonly holds?: string;
}

export class Probe extends Actor {
  readonly #key: string;
  readonly #options: ProbeOptions;
  #place = "";
  readonly #monitors = new Map<string, string[]>();

  constructor(key: string, options: ProbeOptions = {}) {
    super();
    this.#key = key;
    this.#options = options;
  }

  override onStart(): void {
    const { self } = this;
    const place = text(placeOf(self));
    this.#place = place;
    record(this.#key, { kind: "started", place });
    (here.fire as Fire).monitor(self, ({ kind }) => {
      record(this.#key, { kind: "ended", place, reason: kind });
    });
    if (this.#options.holds) record(this.#key, { kind: "holds", what: this.#options.holds, place });
  }

  note(message: string): string {
    record(message, { kind: "handled", message, sender: this.sender, by: this.#place });
    return this.#place;
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

  watch(monitor: string, ref: AnyRef): void {
    const of = meant(ref);
    if (of === undefined) return;
    record(monitor, { kind: "monitored", monitor, by: this.#place, of });
    this.#monitors.set(ref.address, [...(this.#monitors.get(ref.address) ?? []), monitor]);
    this.monitor(ref);
  }

  override onDown(ref: AnyRef, { kind }: Reason): void {
    const [monitor, ...others] = this.#monitors.get(ref.address) ?? [];
    this.#monitors.set(ref.address, others);
    if (monitor === undefined)
      throw new Error(`${this.#place} was told of ${ref.address}, which it did not watch`);
    record(monitor, { kind: "down", monitor, reason: kind });
  }

  tie(ref: AnyRef): void {
    const other = meant(ref);
    if (other === undefined) return;
    this.link(ref);
    record(this.#key, { kind: "linked", one: this.#place, other });
  }
}

/** Takes in refs that other processes share, and starts actors for their supervisions. */
export class Keeper extends Actor {
  static readonly reentrant = ["ping", "keep", "host"] as const;
  readonly #refs: Map<string, Ref<Probe>>;

  constructor(refs: Map<string, Ref<Probe>>) {
    super();
    this.#refs = refs;
  }

  ping(): void {}

  keep(key: string, ref: Ref<Probe>): void {
    this.#refs.set(key, ref);
  }

  host(key: string, name: string): Promise<Ref<Probe>> {
    return (here.fire as Fire).spawn(Probe, [key], { name });
  }
}
