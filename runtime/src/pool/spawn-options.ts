import {
  type ResolvedSpawnOptions,
  resolveSpawnOptions,
  SPAWN_OPTIONS,
  type SpawnOptions,
} from "../actor/actor-class.ts";
import { refuseUnknown } from "../option.ts";
import { CALL_OPTIONS, type CallOptions } from "./call-options.ts";

/**
 * `name` is unique in the actor's own node only. `deadline`, `signal` and `retries` are of the start: queue, boot, waiting
 * for a name, and `onStart`.
 */
export interface PoolSpawnOptions extends SpawnOptions, CallOptions {}

/** Those that are for the actor's own node. */
const MAILBOX_OPTIONS = [
  "name",
  "maxMailbox",
  "mailboxPolicy",
] as const satisfies readonly (keyof SpawnOptions)[];

interface Split {
  /** What travels to the executor. */
  readonly mailbox: SpawnOptions;
  readonly resolved: ResolvedSpawnOptions;
  readonly call: CallOptions;
}

/** Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function splitSpawnOptions(options: PoolSpawnOptions): Split {
  refuseUnknown("pool.spawn", options, ["name", ...SPAWN_OPTIONS, ...CALL_OPTIONS]);
  const call = pick(options, CALL_OPTIONS);
  const actor = Object.fromEntries(Object.entries(options).filter(([key]) => !(key in call)));
  return { mailbox: pick(options, MAILBOX_OPTIONS), resolved: resolveSpawnOptions(actor), call };
}

function pick<K extends keyof PoolSpawnOptions>(
  options: PoolSpawnOptions,
  keys: readonly K[],
): Pick<PoolSpawnOptions, K> {
  const given = keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]);
  return Object.fromEntries(given) as Pick<PoolSpawnOptions, K>;
}
