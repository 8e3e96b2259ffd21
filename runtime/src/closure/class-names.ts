/**
 * The classes at the top level of a file, found without parsing, as this runs for every file that loads. It may name
 * one too many (inside a template literal, say), so users of the names must ask `typeof` first.
 */
const DECLARATION = /^(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+([A-Za-z_$][\w$]*)/gm;

export function classNamesIn(code: string): string[] {
  if (!code.includes("class ")) return [];
  return [...new Set(Array.from(code.matchAll(DECLARATION), ([, name]) => name!))];
}
