import { BonfireError } from "@bonfire/wire";
import { requireName } from "../actor/address.ts";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown, wholeNumber } from "../option.ts";

/** Who is started again when one child has ended: it, all of them, or it and those after it. */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

export interface SupervisionOptions {
  /** Default `"one-for-one"`. */
  strategy?: Strategy;
  /** More restarts than this within `period`, and the supervision gives up: it ends with `SUPERVISION_FAILED`. Default 3. */
  intensity?: number;
  /** Default 5 s. */
  period?: Duration;
  /**
   * How long the second restart within `period` waits; each further one waits twice as long, up to `max`. The first
   * restart is at once. Default 50 ms, up to 5 s.
   */
  backoff?: { readonly first?: Duration; readonly max?: Duration };
  /** Unique in this process; only of the outermost supervision. Default: `supervision-` and a number. */
  name?: string;
}

export interface ResolvedSupervision {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly period: number;
  readonly backoffFirst: number;
  readonly backoffMax: number;
  readonly name: string | undefined;
}

const KNOWN = [
  "strategy",
  "intensity",
  "period",
  "backoff",
  "name",
] as const satisfies readonly (keyof SupervisionOptions)[];
const STRATEGIES: readonly string[] = ["one-for-one", "one-for-all", "rest-for-one"] satisfies Strategy[];

/** Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function resolveSupervision(options: SupervisionOptions): ResolvedSupervision {
  refuseUnknown("supervise", options, KNOWN);
  const { strategy = "one-for-one", intensity = 3, period = "5s", backoff = {}, name } = options;
  refuseUnknown("supervise.backoff", backoff, ["first", "max"]);
  if (!STRATEGIES.includes(strategy)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "strategy" must be one of ${STRATEGIES.join(", ")}, got ${JSON.stringify(strategy)}`,
    );
  }
  if (name !== undefined) requireName("name", name);
  return {
    strategy,
    intensity: wholeNumber("intensity", intensity, 0),
    period: milliseconds("period", period),
    backoffFirst: milliseconds("backoff.first", backoff.first ?? 50),
    backoffMax: milliseconds("backoff.max", backoff.max ?? "5s"),
    name,
  };
}
