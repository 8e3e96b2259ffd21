export { CONSTANT as RENAMED, imported } from "./named.ts";
export * from "./shapes.ts";
export * as everything from "./named.ts";
export { default as original } from "./named.ts";
