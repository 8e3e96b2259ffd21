import { resolveSpawnOptions, type SpawnOptions } from "../actor/actor-class.ts";
import { refuseUnknown } from "../option.ts";
import { CALL_OPTIONS, type CallOptions } from "./call-options.ts";

/** `name` is unique in the actor's own node only. `deadline`, `signal` and `retries` are of the start: queue, boot and `onStart`. */
export interface PoolSpawnOptions extends SpawnOptions, CallOptions {}

const ACTOR_OPTIONS = [
  "name",
  "maxMailbox",
  "mailboxPolicy",
] as const satisfies readonly (keyof SpawnOptions)[];

/** The part that travels to the executor, and the part that is for the call. Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function splitSpawnOptions(options: PoolSpawnOptions): { actor: SpawnOptions; call: CallOptions } {
  refuseUnknown("pool.spawn", options, [...ACTOR_OPTIONS, ...CALL_OPTIONS]);
  const actor = pick(options, ACTOR_OPTIONS);
  resolveSpawnOptions(actor);
  return { actor, call: pick(options, CALL_OPTIONS) };
}

function pick<K extends keyof PoolSpawnOptions>(
  options: PoolSpawnOptions,
  keys: readonly K[],
): Pick<PoolSpawnOptions, K> {
  const given = keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]);
  return Object.fromEntries(given) as Pick<PoolSpawnOptions, K>;
}
