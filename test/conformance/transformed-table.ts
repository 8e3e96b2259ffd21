/** The rows that need more of TypeScript than leaving its types out. */
import type { Group } from "./row.ts";
import { typescript } from "./rows/typescript.ts";

export const groups: readonly Group[] = [typescript];
