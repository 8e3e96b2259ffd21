import { type Address, formatAddress, type Home, isNamed, isUnknown } from "./address.ts";

/** A message that waits until it is known where the actor is now. */
export interface Held {
  /** Its sender waits for it no longer. */
  readonly isOver: boolean;
  /** Sends it; with an error, fails it. */
  go(error?: unknown): void;
}

/** Whom a ref means. All refs of one process to one supervised actor share one, so that all learn where it moved. */
export class Target {
  place: Address;
  readonly home: Home | undefined;
  /** It is found by its name: whoever has that is meant, also a later one. */
  readonly isNamed: boolean;
  /** Undefined while it is not in question where the actor is. */
  held: Held[] | undefined;

  /** Where it is has to be asked before anything is sent. */
  isLost: boolean;

  constructor(place: Address, home: Home | undefined) {
    this.place = place;
    this.home = home;
    this.isNamed = isNamed(home);
    this.isLost = isUnknown(place);
  }

  /** The same for all refs to one actor, also after it was restarted or moved by its supervision. */
  get identity(): string {
    return identityOf(this.place, this.home);
  }
}

export function identityOf(place: Address, home: Home | undefined): string {
  if (!home) return formatAddress(place);
  const { node, actor } = home.supervision;
  return isNamed(home) ? `@${actor.slice(1)}/${home.child}` : `${node}/${actor}/${home.child}`;
}
