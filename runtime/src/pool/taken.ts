/** What this driver's running calls have taken of one executor, beside slots. */
import { fits, type Resources } from "../supervisor/resources.ts";

export class Taken {
  readonly #has: Resources;
  #cpu = 0;
  #memory = 0;
  #gpus = 0;

  constructor(has: Resources) {
    this.#has = has;
  }

  /** Whether there is enough left for `need`. */
  leaves(need: Resources): boolean {
    const { cpu = 0, memory = 0, gpu } = this.#has;
    return fits(need, {
      // Parts of a core add up in floating point.
      cpu: cpu - this.#cpu + 1e-9,
      memory: memory - this.#memory,
      ...(gpu && { gpu: { ...gpu, count: gpu.count - this.#gpus } }),
    });
  }

  add({ cpu = 0, memory = 0, gpu }: Resources, sign: 1 | -1): void {
    this.#cpu += sign * cpu;
    this.#memory += sign * memory;
    this.#gpus += sign * (gpu?.count ?? 0);
  }
}
