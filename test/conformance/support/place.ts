import { basename } from "node:path";

export const here = (): string => basename(import.meta.url);
export const folder = (): string => basename(import.meta.dirname);
export const lastOf = (path: string): string => basename(path);
