/**
 * What cannot travel, and where it was. The path is put together while the encoder unwinds, so that values which
 * can travel pay nothing for it.
 */
import { BonfireError } from "../error.ts";

export type PathKey = string | number | symbol;

export class Refusal extends Error {
  readonly path: PathKey[] = [];
  /** What it is and what to do: "is a net.Socket: open it inside the closure". */
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }

  within(key: PathKey): this {
    this.path.unshift(key);
    return this;
  }
}

/**
 * Add a key to the path of a refusal that is passing through. A Proxy's trap may throw anything; what comes from the
 * engine (no memory, no stack) or is a signal of the encoder's own passes unchanged.
 */
export function within(error: unknown, key: PathKey): unknown {
  return asRefusal(error)?.within(key) ?? error;
}

export function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Error) || error instanceof RangeError || error instanceof BonfireError)
    return undefined;
  return new Refusal(`cannot be read: ${error.message}`);
}

/** `captures[2].socket` and the like, starting from `root`. */
export function formatPath(root: string, path: readonly PathKey[]): string {
  let text = root;
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (typeof key === "symbol") text += `[${String(key)}]`;
    else if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) text += text === "" ? key : `.${key}`;
    else text += /^[[(]/.test(key) ? key : `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** A value that cannot travel; `path` and `reason` let a caller say it in its own words. */
export class ValueRefused extends BonfireError {
  readonly path: readonly PathKey[];
  readonly reason: string;

  constructor(root: string, { path, reason }: Pick<Refusal, "path" | "reason">) {
    super("VALUE_REFUSED", `Cannot send "${formatPath(root, path)}" as it ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}
