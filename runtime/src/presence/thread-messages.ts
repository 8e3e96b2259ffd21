/** What a process and its presence thread say to each other. */
import type { NatsAddress } from "../bus/connection.ts";
import type { Timing } from "./timing.ts";

export interface ThreadStart {
  readonly address: NatsAddress;
  /** The process's own node, after which the thread's connection is named. */
  readonly node: string;
  readonly timing: Timing;
  readonly nodes: readonly string[];
  readonly watches: readonly { readonly watch: number; readonly node: string }[];
}

export type ToThread =
  | { readonly kind: "speak"; readonly node: string }
  | { readonly kind: "bye"; readonly node: string; readonly detail: string | undefined }
  /** `watch` numbers this watch, as a node may be watched again. */
  | { readonly kind: "watch"; readonly watch: number; readonly node: string }
  | { readonly kind: "unwatch"; readonly node: string }
  | { readonly kind: "close"; readonly detail: string | undefined };

export type FromThread =
  | { readonly kind: "up" }
  | { readonly kind: "gone"; readonly watch: number; readonly node: string; readonly detail: string }
  | { readonly kind: "fenced"; readonly node: string; readonly detail: string };
