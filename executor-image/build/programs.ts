/**
 * Bundles the agent, its presence thread and the cell into one file each, with what they share beside them: reading a hundred small files
 * takes longer than everything else that an executor does before its first call. Run after `tsc`.
 */
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export async function bundlePrograms(dist: URL): Promise<void> {
  // Shared parts are named by their content: those of earlier builds would stay for ever.
  await rm(new URL("program", dist), { recursive: true, force: true });
  await build({
    entryPoints: {
      agent: new URL("agent/main.js", dist).pathname,
      cell: new URL("cell/main.js", dist).pathname,
      // Beside the agent, as its code looks for it beside itself.
      "presence-thread": fileURLToPath(import.meta.resolve("@bonfire/runtime/presence-thread")),
    },
    outdir: new URL("program", dist).pathname,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: true,
    external: ["isolated-vm"],
    // What is CommonJS among the dependencies asks for Node's modules by require().
    banner: {
      js: 'import { createRequire as $require } from "node:module"; const require = $require(import.meta.url);',
    },
    logLevel: "warning",
  });
}
