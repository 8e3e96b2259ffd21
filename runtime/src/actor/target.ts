import type { Address, Home } from "./address.ts";

/** Whom a ref means. All refs of one process to one supervised actor share one, so that all learn where it moved. */
export class Target {
  place: Address;
  readonly home: Home | undefined;
  /** What is to be sent, or failed, once it is known where the actor is now; undefined while that is not in question. */
  held: ((error?: unknown) => void)[] | undefined;

  /** Its supervision could not say where it is: it is asked again before anything is sent. */
  isLost = false;

  constructor(place: Address, home: Home | undefined) {
    this.place = place;
    this.home = home;
  }

  /** The same for all refs to one actor, also after it was restarted or moved by its supervision. */
  get identity(): string {
    return identityOf(this.place, this.home);
  }
}

export function identityOf({ node, actor, epoch }: Address, home: Home | undefined): string {
  if (home) return `${home.supervision.node}/${home.supervision.actor}/${home.child}`;
  return epoch === undefined ? `${node}/${actor}` : `${node}/${actor}#${epoch}`;
}
