/** What a service process does with names of the cluster. */
import { type AnyRef, type Fire, hasCode, type Ref, type Registration } from "@bonfire/runtime";
import { record, sequenceOf } from "./ledger.ts";
import { meant, NearProbe } from "./near-probe.ts";

/** So short that names are lost to what a sequence has time for. */
const TTL_MS = 1_000;
/** Another has the name, the actor is gone, or the store cannot be reached. */
const NOT_GIVEN = [
  "NAME_TAKEN",
  "NAME_LOST",
  "LEASE_LOST",
  "STORE_UNAVAILABLE",
  "NO_SUCH_ACTOR",
  "ACTOR_STOPPED",
  "ACTOR_LOST",
  "ACTOR_KILLED",
  "ASK_TIMEOUT",
  "LINK_DOWN",
];

interface Naming {
  readonly key: string;
  readonly name: string;
  readonly wait: number;
}

export class Titles {
  readonly ttl = TTL_MS;
  readonly #fire: Fire;
  readonly #registrations = new Map<
    string,
    { readonly place: string; readonly registration: Registration }
  >();
  /** By sequence: those that wait for a name. */
  readonly #underWay = new Map<string, Set<Promise<void>>>();

  constructor(fire: Fire) {
    this.#fire = fire;
  }

  /** Others go on while it waits for the name. */
  async spawn({ key, name, wait }: Naming, share: (key: string, ref: Ref<NearProbe>) => Promise<void>) {
    record(key, { kind: "naming", name, node: this.#fire.id });
    const options = { register: name, ttl: TTL_MS, wait, name: `${key}/${this.#fire.id}` };
    const given = this.#fire.spawn(NearProbe, [key, { name }], options);
    await this.#attempt(
      key,
      wait,
      given.then((ref) => share(key, ref)),
    );
  }

  async register({ key, name, wait }: Naming, ref: AnyRef): Promise<void> {
    const place = meant(ref);
    if (place === undefined) return;
    record(key, { kind: "naming", name, node: place.split("/")[0] as string });
    const given = this.#fire.register(name, ref, { ttl: TTL_MS, wait });
    const named = given.then((registration) => {
      record(key, { kind: "named", name, place, token: String(registration.token) });
      this.#registrations.set(name, { place, registration });
    });
    await this.#attempt(key, wait, named);
  }

  async #attempt(key: string, wait: number, attempt: Promise<void>): Promise<void> {
    const done = attempt.catch((error: unknown) => {
      if (!NOT_GIVEN.some((code) => hasCode(error, code))) throw error;
    });
    if (wait === 0) return done;
    const sequence = sequenceOf(key);
    const underWay = this.#underWay.get(sequence) ?? new Set();
    this.#underWay.set(sequence, underWay.add(done));
  }

  async release(name: string): Promise<void> {
    const known = this.#registrations.get(name);
    if (!known) return;
    const { place, registration } = known;
    const wasHeld = !registration.signal.aborted;
    try {
      await registration.release();
    } catch (error) {
      if (!hasCode(error, "STORE_UNAVAILABLE")) throw error;
      return; // then it is free when its time is up
    }
    const token = String(registration.token);
    if (wasHeld) record(name, { kind: "released", name, place, token });
  }

  async whereis(name: string): Promise<void> {
    try {
      const ref = await this.#fire.whereis(name);
      record(name, { kind: "found", name, place: ref && meant(ref) });
    } catch (error) {
      if (!NOT_GIVEN.some((code) => hasCode(error, code))) throw error;
    }
  }

  /** Ends all that has to do with names of a sequence. */
  async clear(sequence: string): Promise<void> {
    await Promise.all(this.#underWay.get(sequence) ?? []);
    this.#underWay.delete(sequence);
    for (const name of [...this.#registrations.keys()]) {
      if (sequenceOf(name) !== sequence) continue;
      await this.release(name);
      this.#registrations.delete(name);
    }
  }
}
