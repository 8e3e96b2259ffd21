/** What the processes of a run write down. A place is an actor in one epoch, as `node/name#epoch`. */

export type Ending = "normal" | "error" | "killed" | "lost" | "no-such-actor";

export type Event = { /** Milliseconds of the machine's monotonic clock. */ readonly at: number } & (
  | {
      readonly kind: "started";
      readonly place: string;
      /** The process that started it on an executor. */
      readonly driver?: string | undefined;
    }
  | { readonly kind: "ended"; readonly place: string; readonly reason: Ending }
  /** `to`: undefined if any epoch will do, or if the sender waits to hear where the actor is now. */
  | {
      readonly kind: "sent";
      readonly message: string;
      readonly by: string;
      readonly to: string | undefined;
      readonly asks: boolean;
      /** Other epochs may get it, so its order says nothing. */
      readonly any: boolean;
      /** It has to succeed. */
      readonly must?: boolean;
    }
  | {
      readonly kind: "handled";
      readonly message: string;
      readonly sender: string;
      readonly by: string;
      /** The fencing token of the name under which the actor acts. */
      readonly token?: string | undefined;
    }
  /** The outcome of an ask: a place, or the code of an error. */
  | { readonly kind: "answered"; readonly message: string; readonly place?: string; readonly code?: string }
  /** `by`: a node, or the place of an actor. */
  | { readonly kind: "monitored"; readonly monitor: string; readonly by: string; readonly of: string }
  | { readonly kind: "unmonitored"; readonly monitor: string }
  | { readonly kind: "down"; readonly monitor: string; readonly reason: Ending }
  /** From `one` to `other`; in force as soon as `one` says so. */
  | { readonly kind: "linked"; readonly one: string; readonly other: string }
  /** Whoever may only have one holder at a time: a supervised child, by what its supervision says. */
  | { readonly kind: "holds"; readonly what: string; readonly place: string }
  /** From now on `what` has to have a holder, until `unsupervised`, or until `by` is gone. */
  | { readonly kind: "supervised" | "unsupervised"; readonly what: string; readonly by: string }
  /** kill -9 of a node; one that ends with "-" means all that begin so: the actors of a cell, or of an executor. */
  | { readonly kind: "killed"; readonly node: string }
  /** An executor is told to stop; `node` as above. */
  | { readonly kind: "drained"; readonly node: string }
  /** Somebody begins to give an actor of this node a name. */
  | { readonly kind: "naming"; readonly name: string; readonly node: string }
  | { readonly kind: "named"; readonly name: string; readonly place: string; readonly token: string }
  /** Its name was taken from the actor at `place`, by its registration. */
  | { readonly kind: "released"; readonly name: string; readonly place: string; readonly token: string }
  /** Who was found to have the name; undefined for nobody. */
  | { readonly kind: "found"; readonly name: string; readonly place: string | undefined }
  /** A node is cut off or frozen; `*` when it is nats-server that is gone. */
  | { readonly kind: "disturbed" | "healed"; readonly node: string }
);

type Kind = Event["kind"];
export type Of<K extends Kind> = Event & { readonly kind: K };

/** An event without its time, as it is written down. */
export type News = Event extends infer E ? (E extends Event ? Omit<E, "at"> : never) : never;

export function nodeOf(place: string): string {
  return place.split("/")[0] as string;
}

/** Comparable between the processes of one machine. */
export function clock(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
