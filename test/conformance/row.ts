/** What one row of the conformance table says. */
import type { Pool } from "@bonfire/runtime";

/** A refusal that the documentation promises. */
export interface Refusal {
  /** The error's `code`. */
  readonly code: string;
  /** What its message must say: the path of the value, or the module, and what to do. */
  readonly message: RegExp;
  /** The remedy, as the documentation gives it. */
  readonly instead: string;
}

export interface Row {
  readonly id: string;
  /** What is done, for the documentation: "an arrow function with an expression as its body". */
  readonly says: string;
  /**
   * Makes the calls. It runs twice, with a pool and with a stand-in for one that runs each function in place, and
   * has to come to the same end.
   */
  readonly call: (pool: Pool) => unknown;
  /**
   * What it cannot be done without; where that is missing, `refused` says what happens. A bundler's plugin does what the
   * loader does. Absent: nothing.
   */
  readonly needs?: "loader" | "process realm" | "isolate realm";
  /** With `needs`, how it is refused where they are not met; without, how it is refused everywhere. */
  readonly refused?: Refusal;
  /** Where it says nothing about Bonfire, with the reason, for the documentation. */
  readonly not?: { readonly [Capture in Circumstances["capture"]]?: string };
  /** On a pool that grants files, a program and an environment variable. */
  readonly granted?: boolean;
}

export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** The circumstances in which the table is run. */
export interface Circumstances {
  /** How captures are found. */
  readonly capture: "loader" | "inspector" | "bundler";
  readonly realm: "isolate" | "process";
}

/** The refusal that a row must meet there; undefined when it has to come out the same as inline. */
export function refusalOf({ needs, refused }: Row, { capture, realm }: Circumstances): Refusal | undefined {
  if (needs === "loader") return capture === "inspector" ? refused : undefined;
  if (needs !== undefined) return needs === `${realm} realm` ? undefined : refused;
  return refused;
}
