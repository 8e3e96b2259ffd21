/**
 * Errors that are recognised by their code, because `instanceof` does not survive a machine boundary.
 * The constructor of each subclass takes facts and writes the sentence; facts never hold captured values,
 * environment or credentials.
 */
export class BonfireError extends Error {
  /** Stable identifier, listed in docs/errors.md: `CALL_TIMEOUT`, `CAPTURE_REFUSED`, … */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  override get name(): string {
    return "BonfireError";
  }
}

/** Whether `error` is a Bonfire error with this code, whichever realm or machine it came from. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && (error as { code?: unknown }).code === code;
}
