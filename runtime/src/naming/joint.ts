/**
 * Work that several may ask for at once, by key: it is done once for all of them, and given up when none of them asks
 * any more. As a question can be lost with a link, and its sender give up without a word, each asks again and again.
 */
import { BonfireError } from "@bonfire/wire";
import { LOCATE_AGAIN_MS } from "../actor/outbox.ts";

/** Whoever still waits has asked again by then. */
const WANTED_MS = 2 * LOCATE_AGAIN_MS;

export class Joint<T> {
  readonly #underway = new Map<string, { readonly outcome: Promise<T>; readonly giveUp: NodeJS.Timeout }>();

  /** `work` is given a signal that is aborted when nobody waits for it. */
  ask(key: string, work: (unwanted: AbortSignal) => Promise<T>): Promise<T> {
    const known = this.#underway.get(key);
    if (known) {
      known.giveUp.refresh();
      return known.outcome;
    }
    const unwanted = new AbortController();
    const giveUp = setTimeout(() => unwanted.abort(nobodyWaits(key)), WANTED_MS).unref();
    const outcome = work(unwanted.signal).finally(() => {
      clearTimeout(giveUp);
      this.#underway.delete(key);
    });
    this.#underway.set(key, { outcome, giveUp });
    return outcome;
  }

  /** Resolves when nothing of what is under way now is so any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(Array.from(this.#underway.values(), ({ outcome }) => outcome));
  }
}

/** If somebody asks in that very moment, the code makes them ask again. */
function nobodyWaits(key: string): BonfireError {
  return new BonfireError("ASK_TIMEOUT", `Nobody has asked for ${key} for ${WANTED_MS} ms`);
}
