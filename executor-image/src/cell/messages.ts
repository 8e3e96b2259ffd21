/** What an agent and a cell say to each other over the process channel. */
import type { NatsAddress, RealmKind, Timing } from "@bonfire/runtime/internal";
import type { Grants } from "@bonfire/wire";

export interface CellStart {
  /** The cell's node id. */
  readonly node: string;
  readonly nats: NatsAddress;
  readonly realm: RealmKind;
  readonly grants: Grants;
  readonly timing: Timing;
  readonly memoryMb: number;
  /** Where the executor was started: packages that do not travel are found from here. */
  readonly directory: string;
  /** A folder of the cell's own, which the guard removes. */
  readonly workdir: string;
}

export type ToCell =
  | { readonly kind: "start"; readonly start: CellStart }
  /** From now on take calls from this driver, and from no other ever. */
  | { readonly kind: "serve"; readonly tenant: string }
  | { readonly kind: "ping" }
  /** When this channel ends, stop the actors in order before everything else. */
  | { readonly kind: "retire" }
  /** Take no more calls; end when those that run have ended. */
  | { readonly kind: "drain" };

export type ToAgent =
  | { readonly kind: "ready" }
  | { readonly kind: "serving" }
  | { readonly kind: "pong" }
  /** A process group that shipped code has started, and its end: the guard kills what is left if the cell dies. */
  | { readonly kind: "spawned"; readonly group: number }
  | { readonly kind: "ended"; readonly group: number }
  /** An actor's node has come or gone, with how it was lost, or nothing if it ended in order; whoever watches it hears so from the agent, also when this process cannot speak. */
  | { readonly kind: "entered" | "left"; readonly node: string; readonly detail: string }
  | { readonly kind: "broken"; readonly code: string; readonly message: string };
