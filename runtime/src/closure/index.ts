/** The door for what transforms a program's files: the loader and bundler plugins. It loads no bundler by itself. */
export { type CallSite, mayHaveCallSites } from "./analyze/call-sites.ts";
export type { Problem } from "./analyze/plan.ts";
export { type Node, type Parsed, walk } from "./analyze/syntax.ts";
export { formatBuilt } from "./built.ts";
export { type Bundle, buildBundle, warmBundle } from "./bundle.ts";
export { classNamesIn } from "./class-names.ts";
export { rememberEdits } from "./program-map.ts";
export { fileKey, installRegistry, registerFile, type ShipFile } from "./registry.ts";
export {
  type Shipped,
  type ShipSource,
  type Site,
  type SiteInfo,
  shipCallSites,
  shipClasses,
  shortPath,
} from "./ship-module.ts";
