export * as everything from "./named.ts";
export { CONSTANT as RENAMED, default as original, imported } from "./named.ts";
export * from "./shapes.ts";
