/** What a realm's actors need of the cluster. The cell gives it; a realm that starts no actor never asks for it. */
import type { Carrier, WatchNode } from "@bonfire/runtime/internal/actor-host";

export interface Cluster {
  readonly carrier: Carrier;
  /** The node of the cell's driver, which has a store. */
  readonly driver: string;
  readonly watchNode: WatchNode;
  /** A node for an actor, of which others are told that it lives. */
  enter(): string;
  /** It is gone; `detail` says why, if it did not end in order. What was sent before reaches others before this. */
  leave(node: string, detail?: string): void;
}
