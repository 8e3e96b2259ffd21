import { BonfireError } from "@bonfire/wire";

/** Where an actor lives. Plain data: it travels in any message. */
export interface Address {
  readonly node: string;
  readonly actor: string;
  /** Which of those that had this name on this node, one after the other; without it, whichever has it. */
  readonly epoch?: number;
}

/** Who restarts an actor, and knows at any time where it lives. */
export interface Home {
  readonly supervision: Address;
  readonly child: string;
}

const MAX_NAME = 120;

/** Throws `INVALID_OPTION` unless `name` can stand in a message and in a NATS subject. */
export function requireName(option: string, name: string): void {
  if (typeof name === "string" && name.length <= MAX_NAME && /^[\w:@/-]+$/.test(name)) return;
  throw new BonfireError(
    "INVALID_OPTION",
    `Option "${option}" must be 1 to ${MAX_NAME} letters, digits, "_", "-", ":", "@" or "/", got ${JSON.stringify(name)}`,
  );
}

export function gone({ actor, node }: Address): BonfireError {
  return new BonfireError(
    "NO_SUCH_ACTOR",
    `Actor ${actor} on ${node} does not exist: it has ended, or never ran`,
  );
}

/** Reads what `ref.address` gives. Throws `INVALID_OPTION`. */
export function parseAddress(text: string): Address {
  const match = /^([\w-]+)\/([\w:@/-]+)(?:#(\d+))?$/.exec(text);
  if (!match) {
    throw new BonfireError(
      "INVALID_OPTION",
      `An actor's address is the text that its ref's "address" gives, got ${JSON.stringify(text)}`,
    );
  }
  const [, node, actor, epoch] = match as unknown as [string, string, string, string | undefined];
  return epoch === undefined ? { node, actor } : { node, actor, epoch: Number(epoch) };
}
