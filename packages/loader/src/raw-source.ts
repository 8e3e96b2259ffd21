/**
 * Other loaders and plugins may have changed a file's text before we see it. Closures are shipped from the text on
 * disk all the same, if that has the same closures, so that remote stacks name its lines.
 */
import { readFileSync } from "node:fs";
import type { ShipSource } from "@bonfire/runtime/closure";
import { mark } from "./mark.ts";

/** The text of the file on disk; undefined when it has none, as a virtual module. */
export function rawText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @param source the closures as `code` has them */
export function rawSource(file: string, code: string, source: ShipSource): ShipSource {
  const raw = rawText(file);
  if (raw === undefined || raw === code) return source;
  const own = mark(file, raw)?.source;
  return own && isAlike(own, source) ? own : source;
}

/** The captures are read where the changed text stands, so both must ask for the same ones. */
function isAlike(left: ShipSource, right: ShipSource): boolean {
  const names = ({ sites }: ShipSource) => JSON.stringify(sites.map((site) => site.names));
  return names(left) === names(right);
}
