/** The well-known symbols, which every realm shares by name. */
const names = new Map<symbol, string>();
for (const name of Object.getOwnPropertyNames(Symbol)) {
  const value = (Symbol as unknown as Record<string, unknown>)[name];
  if (typeof value === "symbol") names.set(value, name);
}

export function symbolName(symbol: symbol): string | undefined {
  return names.get(symbol);
}

export function wellKnownSymbol(name: string): symbol | undefined {
  for (const [symbol, known] of names) if (known === name) return symbol;
  return undefined;
}
