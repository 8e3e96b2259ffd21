/** The actor that starts children, and starts them again. Its rules are in plan.ts. */
import { BonfireError } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";
import type { ActorClass } from "../actor/actor-class.ts";
import type { Address, Home } from "../actor/address.ts";
import type { Instance } from "../actor/instance.ts";
import { type Reason, reasonError } from "../actor/reason.ts";
import { placeOf, targetOf } from "../actor/ref.ts";
import type { Target } from "../actor/target.ts";
import type { Child, Children } from "./child.ts";
import type { ResolvedSupervision } from "./options.ts";
import { admit, affected, isRestarted } from "./plan.ts";

/** How long a child may take to stop; then it is killed. */
const STOP_MS = 5_000;
/** How often it is asked again whether a child lives that somebody could not reach. */
const LOOK_MS = 250;

type State =
  /** Not running: it is being started, or waits for that. */
  | { readonly name: "starting" }
  | { readonly name: "running"; readonly place: Address; readonly unwatch: () => void }
  /** It will not be started again. */
  | { readonly name: "ended"; readonly reason: Reason };

interface Kid {
  readonly name: string;
  readonly child: Child;
  state: State;
  target: Target | undefined;
  starts: number;
  /** Those who want to know where it is once it runs, or that it does not any more. */
  waiting: (() => void)[];
}

export class Supervision extends Actor {
  static readonly reentrant = ["place"] as const;

  readonly #options: ResolvedSupervision;
  readonly #kids: Kid[];
  #restarts: readonly number[] = [];

  constructor(options: ResolvedSupervision, children: Children) {
    super();
    this.#options = options;
    this.#kids = Object.entries(children).map(([name, child]) => ({
      name,
      child,
      state: { name: "starting" },
      target: undefined,
      starts: 0,
      waiting: [],
    }));
  }

  override async onStart(): Promise<void> {
    try {
      for (const kid of this.#kids) await this.#start(kid);
    } catch (error) {
      await this.#stopKids(this.#kids);
      throw error;
    }
  }

  /**
   * Where a child is, if not at `stale`, from where somebody could not reach it. Waits for a restart that is under
   * way or about to begin; rejects with `NO_SUCH_ACTOR` if the child will not come back.
   */
  async place(name: string, stale: Address): Promise<Address> {
    const kid = this.#kids.find((kid) => kid.name === name);
    if (!kid)
      throw new BonfireError("NO_SUCH_ACTOR", `There is no child "${name}" of ${this.context.address.actor}`);
    for (;;) {
      const { state } = kid;
      if (state.name === "running" && !isSame(state.place, stale)) return state.place;
      if (state.name === "ended") throw reasonErrorOf(kid, state.reason);
      // Its end may not have been noticed yet, or whoever asks was told wrong while links were down.
      if (state.name === "running" && (await this.context.system.controls.isThere(state.place)))
        return state.place;
      if (kid.state === state) await this.#change(kid);
    }
  }

  #change(kid: Kid): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      kid.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  override async onStop(): Promise<void> {
    await this.#stopKids(this.#kids);
    for (const kid of this.#kids) this.#become(kid, { name: "ended", reason: { kind: "normal" } });
  }

  async #start(kid: Kid): Promise<void> {
    // Kept, so that all refs to it of this process know at once where it is.
    kid.target = await this.#spawn(kid, kid.starts++);
    const { place } = kid.target;
    const unwatch = this.context.system.monitor(place, (reason) => {
      if (kid.state.name !== "running" || kid.state.place !== place) return;
      this.#become(kid, { name: "starting" });
      this.context.enqueue(() => this.#ended(kid, reason));
    });
    this.#become(kid, { name: "running", place, unwatch });
    if (kid.child.start.kind !== "placed") return;
    // Nobody else would end it when this supervision is lost.
    const { system, address } = this.context;
    const isWanted = () => kid.state.name === "running" && kid.state.place === place;
    system.controls.insist(place, "belong", [address, place], isWanted);
  }

  async #spawn({ name, child: { start } }: Kid, restarts: number): Promise<Target> {
    const { system, address } = this.context;
    const home = homeOf(address, name);
    if (start.kind === "placed") {
      const place = placeOf(await start.place(restarts));
      const target = system.courier.target(place, home);
      target.place = place;
      return target;
    }
    const [type, args, options] =
      start.kind === "class"
        ? ([start.type, start.args, start.options] as const)
        : ([Supervision, [start.options, start.children], {}] as const);
    const parent = system.local(address.actor) as Instance;
    const ref = await system.spawnClass(
      type as ActorClass,
      args as unknown[],
      { ...options, name: `${address.actor}/${name}` },
      { parent, home, restarts },
    );
    return targetOf(ref) as Target;
  }

  async #ended(kid: Kid, reason: Reason): Promise<void> {
    // It was started anew with others meanwhile.
    if (kid.state.name !== "starting") return;
    if (!isRestarted(kid.child.restart, reason)) {
      return this.#become(kid, { name: "ended", reason });
    }
    await this.#restart(kid, reason);
  }

  /** Stops whoever is to be started with `failed`, and starts them all after the backoff. */
  async #restart(failed: Kid, reason: Reason): Promise<void> {
    const admitted = admit(this.#restarts, performance.now(), this.#options);
    if (!admitted) throw this.#givingUp(failed, reason);
    this.#restarts = admitted.times;
    const at = this.#kids.indexOf(failed);
    const group = affected(this.#options.strategy, at, this.#kids.length).map(
      (index) => this.#kids[index] as Kid,
    );
    await this.#stopKids(group);
    for (const kid of group) {
      // Not for another one's sake.
      if (kid !== failed && kid.child.restart === "temporary") {
        this.#become(kid, { name: "ended", reason: { kind: "normal" } });
      }
    }
    if (admitted.delay === 0) await this.#startAll(group);
    else this.after(admitted.delay, () => this.#startAll(group));
  }

  async #startAll(group: readonly Kid[]): Promise<void> {
    for (const kid of group) {
      if (kid.state.name !== "starting") continue;
      try {
        await this.#start(kid);
      } catch (error) {
        return this.#restart(kid, { kind: "error", error });
      }
    }
  }

  /** Later ones first. Nobody is told of their end. */
  async #stopKids(kids: readonly Kid[]): Promise<void> {
    const { controls } = this.context.system;
    for (const kid of kids.toReversed()) {
      if (kid.state.name !== "running") continue;
      const { place, unwatch } = kid.state;
      unwatch();
      this.#become(kid, { name: "starting" });
      try {
        await controls.end(place, "stop", STOP_MS);
      } catch {
        // It does not stop in time, or its node cannot be reached: it must not go on beside its successor.
        await controls.end(place, "kill").catch((error: Error) => process.emitWarning(error));
      }
    }
  }

  #become(kid: Kid, next: State): void {
    kid.state = next;
    for (const resolve of kid.waiting.splice(0)) resolve();
  }

  #givingUp(kid: Kid, reason: Reason): BonfireError {
    const { intensity, period } = this.#options;
    return new BonfireError(
      "SUPERVISION_FAILED",
      `${this.context.address.actor} gave up as child "${kid.name}" ended again after ${intensity} restarts within ${period} ms: mend why it ends, or raise intensity`,
      { cause: reasonError(`Child "${kid.name}"`, reason) },
    );
  }
}

/** What a ref to a child must know, so that it follows the child wherever it is started. */
export function homeOf({ node, actor }: Address, child: string): Home {
  return { supervision: { node, actor }, child };
}

function reasonErrorOf({ name }: Kid, reason: Reason): BonfireError {
  return new BonfireError("NO_SUCH_ACTOR", `Child "${name}" has ended for good and is not started again`, {
    cause: reasonError(`Child "${name}"`, reason),
  });
}

function isSame(one: Address, other: Address): boolean {
  return one.node === other.node && one.actor === other.actor && one.epoch === other.epoch;
}
