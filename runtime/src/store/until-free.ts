import { once } from "node:events";
import type { Holder } from "./port.ts";

/** Word of a release may be lost on the way; then this is how late it is noticed. */
const LOOK_MS = 1_000;

/**
 * Waits until `look` finds no holder: looks at first, whenever `listen` calls back, when the holder's time is up, and
 * each second. `listen` returns the way to stop.
 */
export async function untilFree(
  look: () => Promise<Holder | undefined>,
  listen: (wake: () => void) => (() => void) | Promise<() => void>,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const bell = new EventTarget();
  let heard = false;
  const stop = await listen(() => {
    heard = true;
    bell.dispatchEvent(new Event("wake"));
  });
  try {
    for (;;) {
      heard = false;
      const held = await look();
      if (!held) return;
      signal?.throwIfAborted();
      if (!heard) await wake(bell, Math.min(Math.ceil(held.remaining) + 1, LOOK_MS), signal);
    }
  } finally {
    stop();
  }
}

/** Waits for the bell, the time, or the signal, whatever comes first. */
async function wake(bell: EventTarget, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const wait = new AbortController();
  const ring = () => bell.dispatchEvent(new Event("wake"));
  const timer = setTimeout(ring, ms);
  signal?.addEventListener("abort", ring, { signal: wait.signal });
  await once(bell, "wake");
  clearTimeout(timer);
  wait.abort();
}
