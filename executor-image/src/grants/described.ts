/** Host errors as plain facts: what code in a realm may know of them, without the host's stack. */
import { BonfireError } from "@bonfire/wire";
import type { DescribedError } from "../guest/layout.ts";

const FACTS = ["code", "errno", "syscall", "path", "dest", "spawnargs"] as const;

export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), own: {} };
  const own: Record<string, unknown> = {};
  for (const fact of FACTS) {
    const value = (error as unknown as Record<string, unknown>)[fact];
    if (value !== undefined) own[fact] = value;
  }
  return { name: error instanceof BonfireError ? "BonfireError" : error.name, message: error.message, own };
}
