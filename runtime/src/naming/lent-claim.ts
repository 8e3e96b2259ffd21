/** How an actor of a node without a store comes by its name and its state: the driver that spawned it keeps them. */
import { BonfireError, hasCode } from "@bonfire/wire";
import { formatAddress } from "../actor/address.ts";
import type { Instance } from "../actor/instance.ts";
import { Borrowed } from "./borrowed.ts";
import type { Habits, Kept } from "./claim.ts";
import { AWAY } from "./returning.ts";

/** What a driver sends with an actor that is to have a name or a state. */
export interface Ticket extends Habits {
  /** The driver's node. */
  readonly keeper: string;
  /** For nobody else to guess. */
  readonly secret: string;
  /** How long the driver may have to wait for the name, in ms. */
  readonly wait: number;
}

/** What the keeper took for the actor. */
export interface Taken {
  readonly keys: readonly string[];
  /** The key under which its state is kept. */
  readonly kept: string | undefined;
}

/** Beyond what the keeper waits for the name. */
const TAKE_MS = 10_000;
/** The end of the actor is not to wait for longer until its name is free. */
const RETURN_MS = 2_000;

/** Rejects as the store does. */
export async function takeLent(
  { keeper, secret, wait }: Ticket,
  instance: Instance,
): Promise<Kept | undefined> {
  const { system, address } = instance;
  const ask = (method: string, args: unknown[], deadline?: number) =>
    system.ask({ node: keeper, actor: Borrowed.ACTOR }, method, args, deadline);
  // From now on the keeper may have something for it.
  system.returning.add(
    address,
    instance.ended.then(() => ask("over", [address], RETURN_MS)),
  );
  const { keys, kept } = (await ask("take", [secret, address], wait + TAKE_MS)) as Taken;
  for (const key of keys) {
    if (await system.borrowed.fence(keeper, address, key)) continue;
    throw new BonfireError(
      "NAME_LOST",
      `Actor ${formatAddress(address)} has lost "${key}" before it had started: start it again`,
    );
  }
  if (kept === undefined) return undefined;
  return {
    load: () => ask("load", [kept]) as Promise<Uint8Array | undefined>,
    async save(state) {
      try {
        await ask("save", [kept, state]);
      } catch (error) {
        if (!AWAY.some((code) => hasCode(error, code))) throw error;
        throw new BonfireError(
          "STORE_UNAVAILABLE",
          `Cannot save the state of ${formatAddress(address)} as ${keeper}, which keeps it, did not answer`,
          { cause: error },
        );
      }
    },
  };
}
