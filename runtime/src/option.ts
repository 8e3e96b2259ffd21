// What every options resolver shares: the refusal of keys it does not know and of numbers out of range.
import { BonfireError } from "@bonfire/wire";

/** Throws `UNKNOWN_OPTION` if `options` has a key that is not in `known`; names the key and the nearest known one. */
export function refuseUnknown(where: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = known.find((name) => isNear(name.toLowerCase(), key.toLowerCase()));
    throw new BonfireError(
      "UNKNOWN_OPTION",
      `Unknown option "${key}" of ${where}: ${near ? `did you mean "${near}"?` : `known are ${known.join(", ")}`}`,
    );
  }
}

/** `value` if it is a whole number from `least` up; throws `INVALID_OPTION` otherwise. */
export function wholeNumber(option: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new BonfireError(
    "INVALID_OPTION",
    `Option "${option}" must be a whole number of at least ${least}, got ${String(value)}`,
  );
}

/** Throws `INVALID_OPTION` if a signal is given that is none. */
export function checkSignal(signal: unknown): void {
  // Not by its class, of which a test's DOM has another.
  const { aborted, addEventListener } = Object(signal);
  if (signal === undefined || (typeof aborted === "boolean" && typeof addEventListener === "function"))
    return;
  throw new BonfireError("INVALID_OPTION", 'Option "signal" must be an AbortSignal: pass controller.signal');
}

/** Same letters but for one typed too many, too few, or wrong, or two swapped. */
function isNear(a: string, b: string): boolean {
  if (a.startsWith(b) || b.startsWith(a)) return true;
  if (Math.abs(a.length - b.length) > 1) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  const swapped = a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2);
  return (
    swapped ||
    a.slice(i + 1) === b.slice(i + 1) ||
    a.slice(i) === b.slice(i + 1) ||
    a.slice(i + 1) === b.slice(i)
  );
}
