/** What the processes of a run write down. A place is an actor in one epoch, as `node/name#epoch`. */

export type Ending = "normal" | "error" | "killed" | "lost" | "no-such-actor";

export type Event = { /** Milliseconds of the machine's monotonic clock. */ readonly at: number } & (
  | { readonly kind: "started"; readonly place: string }
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
  /** kill -9. */
  | { readonly kind: "killed"; readonly node: string }
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
