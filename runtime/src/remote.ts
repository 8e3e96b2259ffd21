import { BonfireError, markRemote } from "@bonfire/wire";

/**
 * Marks a function as one that stays here: captured by a closure or given to it, it arrives as a function that runs
 * the original in this process, with its arguments, and resolves or rejects with the outcome. Functions that are not
 * marked travel as code. It can be called until the call that it travelled with has ended, then it rejects with
 * `HANDLE_ENDED`. Throws `INVALID_CALL` for anything but a function.
 *
 * ```ts
 * const progress = remote((percent: number) => console.log(`${percent} %`));
 * await pool.call(async () => {
 *   await progress(50);
 * });
 * ```
 */
export function remote<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => Promise<Awaited<R>> {
  if (typeof fn !== "function") {
    throw new BonfireError(
      "INVALID_CALL",
      "remote takes a function: remote((percent) => bar.update(percent))",
    );
  }
  const asynchronous = async (...args: A): Promise<Awaited<R>> => await fn(...args);
  markRemote(asynchronous);
  return asynchronous;
}
