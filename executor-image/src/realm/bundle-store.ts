/** The code of a cell's bundles by number. When there is too much of it, what was used longest ago is dropped. */

/** Bundles that are never dropped, however large: a call may need several at once. */
const LEAST_KEPT = 16;

interface Kept<Source> {
  readonly source: Source;
  used: number;
}

export class BundleStore<Source extends { readonly hash: string; readonly code: string }> {
  readonly #kept = new Map<number, Kept<Source>>();
  readonly #limit: number;
  readonly #dropped: (bundle: number) => void;
  #length = 0;
  #clock = 0;

  /**
   * @param limit of the code of all bundles together, in UTF-16 units
   * @param dropped told which bundle is not here any more
   */
  constructor(limit: number, dropped: (bundle: number) => void) {
    this.#limit = limit;
    this.#dropped = dropped;
  }

  put(bundle: number, source: Source): void {
    const before = this.#kept.get(bundle);
    if (before) this.#length -= before.source.code.length;
    this.#kept.set(bundle, { source, used: ++this.#clock });
    this.#length += source.code.length;
    while (this.#length > this.#limit && this.#kept.size > LEAST_KEPT) this.#dropOldest();
  }

  /** Whether it is here; a call that asks is about to use it. */
  use(bundle: number): boolean {
    const kept = this.#kept.get(bundle);
    if (kept) kept.used = ++this.#clock;
    return kept !== undefined;
  }

  get(bundle: number): Source | undefined {
    return this.#kept.get(bundle)?.source;
  }

  numberOf(hash: string): number | undefined {
    for (const [bundle, { source }] of this.#kept) if (source.hash === hash) return bundle;
    return undefined;
  }

  #dropOldest(): void {
    let oldest: [number, Kept<Source>] | undefined;
    for (const entry of this.#kept) if (!oldest || entry[1].used < oldest[1].used) oldest = entry;
    const [bundle, { source }] = oldest!;
    this.#kept.delete(bundle);
    this.#length -= source.code.length;
    this.#dropped(bundle);
  }
}

/** A quarter of what the isolate may have, as it holds the code too, and what V8 makes of it. */
export function codeLimit(memoryMb: number): number {
  return (memoryMb / 4) * 1024 * 1024;
}
