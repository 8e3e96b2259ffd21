/**
 * The shape of what Node's library calls an internal binding: a bag of natives. Ours hold what the library reads while
 * it loads and while the allowed modules run; whatever else it asks for is `undefined`, as if not compiled in.
 */
export type Binding = Record<string, unknown>;

export const nothing = (): undefined => undefined;

/** A bag whose missing names are `undefined` even for code that destructures deeply, made on demand as symbols. */
export function symbolBag(): Record<string, symbol> {
  const made = new Map<string, symbol>();
  return new Proxy({} as Record<string, symbol>, {
    get(_, name) {
      if (typeof name !== "string") return undefined;
      const known = made.get(name);
      if (known !== undefined) return known;
      const symbol = Symbol(name);
      made.set(name, symbol);
      return symbol;
    },
  });
}
