/** The natives under URL: the host parses, because a URL parser with IDNA is not something to write twice. */
import type { Binding } from "./binding.ts";

export type Ask = (operation: string, ...args: unknown[]) => unknown;

/** The parts of a URL that can be set, in the order of `updateActions` in Node's internal/url. */
export const URL_FIELDS: readonly string[] = [
  "protocol",
  "host",
  "hostname",
  "port",
  "username",
  "password",
  "pathname",
  "search",
  "hash",
];
const FIELDS = [...URL_FIELDS, "href"];

export function urlBinding(ask: Ask, requireInternal: (id: string) => any): Binding {
  const urlComponents = new Uint32Array(9);
  const accept = (parsed: unknown): string | undefined => {
    if (parsed === null) return undefined;
    const [href, ...components] = parsed as [string, ...number[]];
    urlComponents.set(components);
    return href;
  };
  return {
    urlComponents,
    parse(input: string, base: string | undefined, raise: boolean) {
      const href = accept(ask("url.parse", input, base ?? null));
      if (href === undefined && raise)
        throw new (requireInternal("internal/errors").codes.ERR_INVALID_URL)(input, base);
      return href;
    },
    canParse: (input: string, base?: string) => ask("url.parse", input, base ?? null) !== null,
    pathToFileURL: (path: string) => accept(ask("url.file", path)),
    update: (href: string, action: number, value: string) =>
      accept(ask("url.update", href, FIELDS[action], value)) ?? false,
    getOrigin: (href: string) => ask("url.origin", href),
    format: (href: string, hash: boolean, unicode: boolean, search: boolean, auth: boolean) =>
      ask("url.format", href, { fragment: hash, unicode, search, auth }),
    domainToASCII: (domain: string) => ask("url.ascii", domain),
    domainToUnicode: (domain: string) => ask("url.unicode", domain),
  };
}
