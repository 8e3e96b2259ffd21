/** The runtime's own classes, which every realm has for itself. */
import { BonfireError, hasCode } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";

/** What a realm gives under this name is what shipped code has of `@bonfire/runtime`. */
export const REALM_SPECIFIER = "bonfire:runtime";

const EXPORTS = new Map<unknown, string>(
  Object.entries({ Actor, BonfireError, hasCode }).map(([name, value]) => [value, name]),
);

/** How one of them travels. */
export function realmExport(value: unknown): { module: string; path: string } | undefined {
  const path = EXPORTS.get(value);
  return path === undefined ? undefined : { module: REALM_SPECIFIER, path };
}
