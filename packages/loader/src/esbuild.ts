import { plugin } from "./plugin.ts";

export type { BonfirePluginOptions } from "./plugin.ts";

export default plugin.esbuild;
