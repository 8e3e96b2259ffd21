/** What the model tells its processes to do, and what they answer. */
import type { MailboxPolicy } from "@bonfire/runtime";

/** How a process ends that others have taken for gone. */
export const FENCED_EXIT = 42;

/** `key`: of an actor, as all processes know it; it begins with its sequence. */
export type Order =
  | { readonly kind: "peers"; readonly nodes: readonly string[] }
  | {
      readonly kind: "spawn";
      readonly key: string;
      /** The actor's own name, which another one may have had before. */
      readonly name: string;
      readonly mailbox: { readonly maxMailbox?: number; readonly mailboxPolicy?: MailboxPolicy };
    }
  | { readonly kind: "spawnFar"; readonly key: string; readonly realm: Realm }
  /** Spawns an actor that has to have this name of the cluster. */
  | { readonly kind: "spawnNamed"; readonly key: string; readonly name: string; readonly wait: number }
  | { readonly kind: "register"; readonly key: string; readonly name: string; readonly wait: number }
  | { readonly kind: "release" | "whereis"; readonly name: string }
  | { readonly kind: "supervise"; readonly key: string; readonly how: Supervising }
  | {
      readonly kind: "send";
      readonly key: string;
      /** To whoever has this name, instead of to the actor. */
      readonly name?: string;
      readonly count: number;
      readonly asks: boolean;
      readonly any: boolean;
      readonly slow: boolean;
      readonly must?: boolean;
    }
  | { readonly kind: "crash" | "stop" | "kill"; readonly key: string }
  | { readonly kind: "monitor"; readonly key: string; readonly monitor: string }
  | { readonly kind: "unmonitor"; readonly monitor: string }
  | { readonly kind: "watch"; readonly one: string; readonly other: string; readonly monitor: string }
  | { readonly kind: "tie"; readonly one: string; readonly other: string }
  | { readonly kind: "settle" }
  /** What nodes of its actors on executors begin with, cell by cell. */
  | { readonly kind: "cells" }
  | { readonly kind: "clear"; readonly sequence: string }
  | { readonly kind: "left"; readonly sequence: string; readonly names: readonly string[] }
  | { readonly kind: "close" };

export type Realm = "isolate" | "process";
/** Where the child is: in the supervision's process, in any, there with a name of its own, or on an executor. */
export type Supervising = "here" | "placed" | "named" | Realm;

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}
