/** What nodes ask of each other about actors, apart from what the actors say: to stop, to die, to be tied together. */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Address } from "./address.ts";
import type { AnyRef } from "./ref.ts";
import { DEFAULTS } from "./send-options.ts";
import type { ActorSystem } from "./system.ts";

const AGAIN_MS = 250;
const GIVE_UP_MS = 30_000;
const LOOK_MS = 1_000;

type Order = "stop" | "kill" | "tie" | "untie" | "belong" | "look";

export class Controls {
  /** The name under which a node takes orders; no actor can have it. */
  static readonly ACTOR = "$actors";

  readonly #system: ActorSystem;
  #isClosed = false;

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** Ends an actor anywhere; resolves when it has ended, or was not there. Rejects with `ASK_TIMEOUT`. */
  async end(who: Address, order: "stop" | "kill", deadline = DEFAULTS.deadline): Promise<void> {
    const giveUpAt = performance.now() + deadline;
    // That nobody listens may pass, and the actor live on; its monitor says if it is gone.
    let isGone = false;
    let unwatch: (() => void) | undefined;
    try {
      while (!isGone) {
        try {
          await this.#order(who.node, order, [who], Math.max(1, giveUpAt - performance.now()));
          return;
        } catch (error) {
          if (!hasCode(error, "NO_SUCH_ACTOR")) throw error;
        }
        unwatch ??= this.#system.monitor(who, () => (isGone = true));
        await pause(AGAIN_MS, undefined, { ref: false });
      }
    } finally {
      unwatch?.();
    }
  }

  /** Whether the actor is there. An answer that does not come says nothing, and is taken for no. */
  async isThere(who: Address): Promise<boolean> {
    try {
      return (await this.#order(who.node, "look", [who], LOOK_MS)) === true;
    } catch {
      return false;
    }
  }

  /** Gives the order until it is heard, or its node is gone, or it is not wanted any more. */
  insist(to: Address, order: Order, args: unknown[], wanted: () => boolean): void {
    void this.#insist(to.node, order, args, wanted);
  }

  async #insist(node: string, order: Order, args: unknown[], wanted: () => boolean): Promise<void> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (wanted() && !this.#isClosed && performance.now() < giveUpAt) {
      try {
        await this.#order(node, order, args);
        return;
      } catch (error) {
        // Its monitor tells whoever has to know; anything else may pass, also that nobody listens there.
        if (hasCode(error, "ACTOR_LOST")) return;
      }
      await pause(AGAIN_MS, undefined, { ref: false });
    }
  }

  #order(node: string, order: Order, args: unknown[], deadline?: number): Promise<unknown> {
    return this.#system.ask({ node, actor: Controls.ACTOR }, order, args, deadline);
  }

  /** An order that arrived. */
  async handle(sender: string, order: string, args: readonly unknown[]): Promise<unknown> {
    switch (order as Order) {
      case "stop":
      case "kill": {
        const instance = this.#find(args[0] as Address);
        if (!instance) return undefined;
        if (instance.setup.isSystem && sender !== this.#system.node) {
          throw new BonfireError(
            "NOT_YOURS",
            `Actor ${instance.address.actor} belongs to the runtime of its node`,
          );
        }
        if (order === "kill") instance.kill();
        else await instance.stop();
        const freed = this.#system.returning.of(instance.address);
        if (freed) await freed;
        return undefined;
      }
      case "tie":
        return this.#find(args[1] as Address)?.tie(args[0] as AnyRef);
      case "untie":
        return this.#find(args[1] as Address)?.untie(args[0] as Address);
      case "belong":
        return this.#find(args[1] as Address)?.belongTo(args[0] as Address);
      case "look":
        return this.#find(args[0] as Address)?.isAlive === true;
      default:
        throw new BonfireError("PROTOCOL", `There is no order "${order}"`);
    }
  }

  #find({ actor, epoch }: Address) {
    const instance = this.#system.local(actor);
    return !epoch || instance?.address.epoch === epoch ? instance : undefined;
  }

  close(): void {
    this.#isClosed = true;
  }
}
