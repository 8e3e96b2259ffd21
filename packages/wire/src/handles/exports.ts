/** The things of this end that the other may use, by the numbers under which they travel. */
import type { HandleReference } from "../codec/reference.ts";
import { HandleKind, handleKind } from "./kind.ts";

export interface Exported extends HandleReference {
  readonly value: object;
}

export class Exports {
  readonly #known = new Map<object, Exported>();
  readonly #accept: (value: object) => number | undefined;
  #next: number;
  /** Told of each thing when it is first met. */
  onAdd: ((exported: Exported) => void) | undefined;

  /**
   * @param first the numbers of the two ends are odd and even
   * @param accept the kind of what may travel
   */
  constructor(first: 1 | 2, accept: (value: object) => number | undefined = handleKind) {
    this.#next = first;
    this.#accept = accept;
  }

  /** For `EncodeOptions.handle`. */
  readonly add = (value: object): HandleReference | undefined => {
    const known = this.#known.get(value);
    if (known) return known;
    const kind = this.#accept(value);
    if (kind === undefined) return undefined;
    const exported = this.#make(kind, value);
    if (exported.id === 0) return exported;
    this.#known.set(value, exported);
    this.onAdd?.(exported);
    return exported;
  };

  /** The same things for another session. */
  copy(): Exports {
    const copy = new Exports(1, this.#accept);
    copy.#next = this.#next;
    for (const [value, exported] of this.#known) copy.#known.set(value, exported);
    return copy;
  }

  get size(): number {
    return this.#known.size;
  }

  [Symbol.iterator](): Iterator<Exported> {
    return this.#known.values();
  }

  forget(value: object): void {
    this.#known.delete(value);
  }

  #make(kind: number, value: object): Exported {
    if (kind === HandleKind.pair) {
      const { readable, writable } = value as TransformStream;
      return { kind, id: 0, value, detail: { readable, writable } };
    }
    const id = this.#next;
    this.#next += 2;
    // A signal that has been aborted will say no more.
    if (kind === HandleKind.signal && (value as AbortSignal).aborted) {
      return { kind, id, value, detail: [(value as AbortSignal).reason] };
    }
    if (kind === HandleKind.actor) return { kind, id, value, detail: String(value) };
    return { kind, id, value };
  }
}
