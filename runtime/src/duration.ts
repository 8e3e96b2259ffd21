import { BonfireError } from "@bonfire/wire";

/** Milliseconds, or a number with a unit: `250`, `"250ms"`, `"30s"`, `"5m"`, `"2h"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h"}`;

const UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** What a timer can count; Node makes a longer wait one of 1 ms. */
const MOST_MS = 2 ** 31 - 1;

/** Milliseconds of `value`; `option` names it in the error. Throws `INVALID_OPTION`. */
export function milliseconds(option: string, value: Duration): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(String(value));
  const ms = match ? Number(match[1]) * UNIT[match[2] as keyof typeof UNIT] : Number(value);
  if (!Number.isFinite(ms) || ms < 0 || (typeof value === "string" && !match)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "${option}" must be milliseconds or a duration such as "30s" or "5m", got ${JSON.stringify(value)}`,
    );
  }
  if (ms > MOST_MS) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "${option}" must be at most ${MOST_MS} ms (24.8 days), the longest that a timer can wait, got ${JSON.stringify(value)}`,
    );
  }
  return ms;
}
