import { BonfireError } from "@bonfire/wire";

/** The wait for a pool's `min` executors while it opens. */
export class Floor {
  #ready = 0;
  #wait: { readonly min: number; resolve(): void; reject(error: BonfireError): void } | undefined;

  update(ready: number): void {
    this.#ready = ready;
    if (this.#wait && ready >= this.#wait.min) this.#wait.resolve();
  }

  /** Why the wait is in vain; nothing happens if nobody waits. */
  fail(error: BonfireError): void {
    this.#wait?.reject(error);
  }

  /** Resolves when `min` executors are ready. Rejects as `fail` says, or with `BOOT_TIMEOUT` after `ms`. */
  async reached(min: number, ms: number): Promise<void> {
    if (this.#ready >= min) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wait = { min, resolve, reject };
    const timer = setTimeout(() => {
      const error = `Only ${this.#ready} of min ${min} executors were ready after ${ms} ms`;
      reject(new BonfireError("BOOT_TIMEOUT", error));
    }, ms);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#wait = undefined;
    }
  }
}
