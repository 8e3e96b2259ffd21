/** The probe of a service process, and the actor that lets others start it there. */
import { Actor, type AnyRef, type Fire, type Ref } from "@bonfire/runtime";
// The place that a ref means at this moment is no user's business, and so behind no door.
import { targetOf } from "../../runtime/dist/actor/ref.js";
import type { News } from "./event.ts";
import { record } from "./ledger.ts";
import { Probe } from "./probe.ts";

/** Of this process; set before the first actor starts. */
export const here: { fire: Fire | undefined } = { fire: undefined };

/** The place to which a message would be sent now; undefined while it would wait to hear of it. */
export function meant(ref: AnyRef): string | undefined {
  const target = targetOf(ref);
  if (!target || target.held || target.isLost) return undefined;
  const { node, actor, epoch } = target.place;
  return `${node}/${actor}#${epoch}`;
}

export class NearProbe extends Probe {
  protected override record(key: string, news: News): void {
    record(key, news);
  }

  protected override meant(ref: AnyRef): string | undefined {
    return meant(ref);
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
    return (here.fire as Fire).spawn(NearProbe, [key], { name });
  }
}
