/** Boots that failed in a row: how long the next one waits, when to give up, and what to tell those who wait. */
import { BonfireError, hasCode } from "@bonfire/wire";
import type { BackendError, BackendErrorCode } from "../backend/port.ts";

const RETRY_MS = 250;
const RETRY_MAX_MS = 15_000;
/** Failures that no retry mends. */
const PERMANENT: ReadonlySet<BackendErrorCode> = new Set(["auth", "invalid", "image", "unsupported"]);

export interface BootFailure {
  readonly code: string;
  /** In the platform's own words. */
  readonly sentence: string;
  /** How often it was so in this row of failures. */
  times: number;
  /** performance.now() of the last time. */
  at: number;
}

export class BootFailures {
  readonly #pool: string;
  readonly #giveUpMs: number;
  readonly #random: () => number;
  #reasons = new Map<string, BootFailure>();
  #rounds = 0;
  /** When the first of this row was launched. */
  #since: number | undefined;
  #lastAt = 0;
  #error: BonfireError | undefined;
  /** No executor is to be launched before this time. */
  launchAfter = 0;

  constructor(pool: string, giveUpMs: number, random: () => number = Math.random) {
    this.#pool = pool;
    this.#giveUpMs = giveUpMs;
    this.#random = random;
  }

  /** What the last failure is told as; undefined since a boot succeeded. */
  get error(): BonfireError | undefined {
    return this.#error;
  }

  get reasons(): readonly BootFailure[] {
    return [...this.#reasons.values()];
  }

  /** Notes a failure. `hopeless`: no retry mends it, or none would come within the time that a boot may take. */
  note(cause: unknown, launchedAt: number, now: number): { error: BonfireError; hopeless: boolean } {
    const known = this.#reasons.get(sentenceOf(cause));
    const failure = known ?? { code: codeOf(cause), sentence: sentenceOf(cause), times: 0, at: now };
    failure.times++;
    failure.at = now;
    // The latest is told first.
    this.#reasons.delete(failure.sentence);
    this.#reasons.set(failure.sentence, failure);
    this.#since ??= launchedAt;
    // Those that were launched together fail together, and are one reason to wait longer.
    if (launchedAt >= this.#lastAt) {
      const backoff = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.#rounds++);
      // Supervisors whose platform recovers do not all come back at the same moment.
      this.launchAfter = now + backoff * (0.75 + 0.5 * this.#random());
      this.#lastAt = now;
    }
    this.#error = this.#tell();
    const permanent = hasCode(cause, "BACKEND_ERROR") && PERMANENT.has((cause as BackendError).reason);
    const hopeless = permanent || this.launchAfter > this.#since + this.#giveUpMs;
    // Calls that come later are given the same time again.
    if (hopeless) this.#since = undefined;
    return { error: this.#error, hopeless };
  }

  succeeded(): void {
    this.#reasons.clear();
    this.#rounds = 0;
    this.#since = undefined;
    this.#error = undefined;
    this.launchAfter = 0;
  }

  /** All reasons, each the cause of the one after it. What a platform's client throws may hold sockets and secrets;
   * its sentence is all that travels of it. */
  #tell(): BonfireError {
    let cause: BonfireError | undefined;
    let last = "";
    for (const { code, sentence, times } of this.#reasons.values()) {
      last = times > 1 ? `${sentence} (${times} times)` : sentence;
      cause = new BonfireError(code, last, cause && { cause });
    }
    return new BonfireError("BOOT_FAILED", `Pool "${this.#pool}" cannot boot an executor: ${last}`, {
      cause,
    });
  }
}

function sentenceOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function codeOf(cause: unknown): string {
  return cause instanceof BonfireError ? cause.code : "BACKEND_ERROR";
}
