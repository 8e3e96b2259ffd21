/** Starts a supervision for a user, and makes the refs to its children. */
import type { Address } from "../actor/address.ts";
import { type AnyRef, makeRef } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { type ChildRefs, type Children, checkNames } from "./child.ts";
import { resolveSupervision, type SupervisionOptions } from "./options.ts";
import { homeOf, Supervision } from "./supervision.ts";

/** A running supervision. */
export interface Supervised<C extends Children> {
  /** Refs that follow each child through its restarts. */
  readonly children: ChildRefs<C>;
  /** The supervision itself, to monitor or link. */
  readonly ref: AnyRef;
  /** Ends it and its children, the last one first. */
  stop(): Promise<void>;
}

let supervisions = 0;

export async function supervise<C extends Children>(
  system: ActorSystem,
  options: SupervisionOptions,
  children: C,
): Promise<Supervised<C>> {
  const resolved = resolveSupervision(options);
  checkNames(children);
  const name = resolved.name ?? `supervision-${++supervisions}`;
  const ref = await system.spawnClass(Supervision, [resolved, children], { name }, {});
  return {
    children: refs(system, { node: system.node, actor: name }, children) as ChildRefs<C>,
    ref,
    stop: () => system.stop(ref),
  };
}

function refs(system: ActorSystem, supervision: Address, children: Children): object {
  const made = Object.entries(children).map(([name, { start }]) => {
    const own = { node: supervision.node, actor: `${supervision.actor}/${name}` };
    if (start.kind === "supervision") return [name, refs(system, own, start.children)];
    // The child runs, so that its target is known, and with it its place.
    return [name, makeRef(system.courier, system.courier.target(own, homeOf(supervision, name)))];
  });
  return Object.fromEntries(made) as object;
}
