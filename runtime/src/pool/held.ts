/** What calls have given back that keeps their slots. */
import { BonfireError } from "@bonfire/wire";

/** What can let go of a value's live handles. */
export interface Holder {
  release(): Promise<void>;
}

const holders = new WeakMap<object, Holder>();

/** @internal Something in `value` is alive, and `holder` can end it. */
export function noteHeld(value: unknown, holder: Holder): void {
  if ((typeof value === "object" && value !== null) || typeof value === "function")
    holders.set(value, holder);
}

/**
 * Makes the value of a call disposable: disposing it ends every stream, generator and other live handle anywhere in
 * it, and resolves when the call's slot is free. Returns the same value. One with nothing alive in it has nothing to
 * end. Throws `INVALID_CALL` for what is no object.
 *
 * ```ts
 * await using answer = held(await pool.call(() => ({ count, rows: rowsOf(db) })));
 * for await (const row of answer.rows) if (enough(row)) break;
 * ```
 */
export function held<T extends object>(value: T): T & AsyncDisposable {
  if (typeof value !== "object" || value === null) {
    throw new BonfireError(
      "INVALID_CALL",
      "held takes the object that a call gave: held(await pool.call(…))",
    );
  }
  const holder = holders.get(value);
  return Object.defineProperty(value, Symbol.asyncDispose, {
    configurable: true,
    value: async () => holder?.release(),
  }) as T & AsyncDisposable;
}
