/** Watches nodes from this thread: for a process that has no presence of its own, as another speaks for it. */
import type { WatchNode } from "../actor/system.ts";
import type { Bus } from "../bus/bus.ts";
import type { Timing } from "./timing.ts";
import { Watcher } from "./watcher.ts";

export function watchHere(bus: Bus, timing: Timing): WatchNode {
  const watcher = new Watcher(bus, timing);
  const watches = new Map<string, Set<(detail: string) => void>>();
  const begin = (node: string) => {
    const callbacks = new Set<(detail: string) => void>();
    watches.set(node, callbacks);
    watcher.watch(node, (detail) => {
      watches.delete(node);
      for (const callback of callbacks) callback(detail);
    });
    return callbacks;
  };
  return (node, onGone) => {
    const callbacks = watches.get(node) ?? begin(node);
    callbacks.add(onGone);
    return () => {
      callbacks.delete(onGone);
      if (callbacks.size > 0 || watches.get(node) !== callbacks) return;
      watches.delete(node);
      watcher.unwatch(node);
    };
  };
}
