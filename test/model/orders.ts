/** What the model tells its processes to do, and what they answer. */
import type { MailboxPolicy } from "@bonfire/runtime";

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
  | { readonly kind: "supervise"; readonly key: string; readonly isPlaced: boolean }
  | {
      readonly kind: "send";
      readonly key: string;
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
  | { readonly kind: "clear" | "left"; readonly sequence: string }
  | { readonly kind: "close" };

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}
