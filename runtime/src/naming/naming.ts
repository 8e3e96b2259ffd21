/** What a node with a store does with it: names, groups and virtual actors. Nodes without one ask such a node. */
import type { ActorSystem } from "../actor/system.ts";
import type { Store } from "../store/port.ts";
import { Groups } from "./groups.ts";
import { Names } from "./names.ts";
import { Virtual } from "./virtual.ts";

export class Naming {
  readonly names: Names;
  readonly virtual: Virtual;
  readonly groups: Groups;

  constructor(system: ActorSystem, store: () => Promise<Store>) {
    this.names = new Names(system, store);
    this.virtual = new Virtual(system, store);
    this.groups = new Groups(system, store);
    system.naming = this;
    system.serve(Names.ACTOR, this.names);
    system.serve(Virtual.ACTOR, this.virtual);
  }

  /** Starts no virtual actor any more, and leaves all groups. */
  async leave(): Promise<void> {
    await Promise.all([this.virtual.leave(), this.groups.close()]);
  }

  /** Frees every name that this node keeps. */
  close(): Promise<void> {
    return this.names.holdings.close();
  }
}
