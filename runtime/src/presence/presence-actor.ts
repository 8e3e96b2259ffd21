/** The actor that stands for a process's presence, so that others can look at it. */
import { Actor } from "../actor/actor.ts";
import type { Presence } from "./presence.ts";

/** Under the name `presence`. The beats and judgements themselves are a thread's. */
export class PresenceActor extends Actor {
  static readonly reentrant = ["inspect"] as const;
  readonly #presence: Presence;

  constructor(presence: Presence) {
    super();
    this.#presence = presence;
  }

  /** The nodes that it speaks for, and those that it watches. */
  inspect() {
    return this.#presence.inspect();
  }
}
