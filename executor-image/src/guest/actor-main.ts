/** The entry of the actor runtime's script. What it shares with the guest is put in from there: see build/actor-script.ts. */
import type { Carrier, WatchNode } from "@bonfire/runtime/internal/actor-host";
import { ActorHost } from "./actor-host.ts";

export type OpenActor = typeof open;

export function open(
  carrier: Carrier,
  node: string,
  driver: string,
  watchNode: WatchNode,
  warn: (text: string) => void,
): ActorHost {
  return new ActorHost(carrier, node, driver, watchNode, warn);
}
