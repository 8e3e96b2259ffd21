/**
 * How functions and classes travel: as code travels, by naming the bundle they are in, or, for what no bundle has,
 * as their source text with the values it needs. Closure capture decides; the codec only writes it down.
 */
export type Reference =
  /** A closure that a bundle can make again from its captures. */
  | { kind: "closure"; hash: string; site: number; names: readonly string[]; captures: readonly unknown[] }
  /** A function or class of this text, evaluated with `names` bound to `values`. */
  | {
      kind: "source";
      text: string;
      form: SourceForm;
      names: readonly string[];
      values: readonly unknown[];
      /** Where the text starts in the user's program: "src/a.ts:12:7". */
      at: string;
    }
  /** A class of a bundle, by its key in `ShipModule.classes`. */
  | { kind: "class"; hash: string; name: string }
  /** An export of a node builtin: module "fs/promises", path "readFile"; an empty path is the module itself. */
  | { kind: "builtin"; module: string; path: string };

/** Something alive, under the number by which both sides speak of it. Of `id` 0 there is only the `detail`. */
export interface HandleReference {
  readonly kind: number;
  readonly id: number;
  /** What the receiver has to know of it; encoded with the message. */
  readonly detail?: unknown;
}

/** What has to stand around a function's text to make it an expression: see `compileSource`. */
export const SourceForm = { expression: 0, method: 1, asyncMethod: 2, getter: 3, class: 4 } as const;
export type SourceForm = (typeof SourceForm)[keyof typeof SourceForm];

/** What the code of a bundle evaluates to. */
export interface ShipModule {
  /** Each makes one closure from its captures; `console` attributes the closure's log lines to its call. */
  sites: ((captures: unknown[], console: Console) => Callable)[];
  /** The classes whose instances travel, by a key that is the same in every bundle: "src/shape.ts#Circle". */
  classes: Record<string, Callable>;
}

/** Any function or class. */
export type Callable = (...values: never[]) => unknown;

/**
 * The reference hook for what a call gives back: instances of classes that came with loaded bundles travel as such;
 * functions do not travel back.
 * @param modules the loaded bundles by hash; it may grow
 */
export function shippedClasses(
  modules: ReadonlyMap<string, ShipModule>,
): (value: object) => Reference | undefined {
  const known = new Map<object, Reference>();
  let counted = 0;
  return (value) => {
    if (typeof value !== "function") return undefined;
    if (counted !== modules.size) {
      for (const [hash, { classes }] of modules) {
        for (const [name, type] of Object.entries(classes))
          if (type) known.set(type, { kind: "class", hash, name });
      }
      counted = modules.size;
    }
    return known.get(value);
  };
}
