/** Builds a program of the tests with a bundler and our plugin, as a user's project would. */
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import bonfireEsbuild, { type BonfirePluginOptions } from "@bonfire/loader/esbuild";
import bonfireRolldown from "@bonfire/loader/rolldown";
import bonfireRollup from "@bonfire/loader/rollup";
import bonfireVite from "@bonfire/loader/vite";
import bonfireWebpack from "@bonfire/loader/webpack";
import * as esbuild from "esbuild";
import { rolldown } from "rolldown";
import { type Plugin, rollup } from "rollup";
import { build as viteBuild } from "vite";
import webpack from "webpack";

export const bundlers = [
  "vite",
  "esbuild",
  "esbuild minified",
  "esbuild to CommonJS",
  "rollup",
  "rolldown",
  "webpack",
] as const;
export type Bundler = (typeof bundlers)[number];

export interface BuildProgramOptions {
  /**
   * Without it the output has no trace of Bonfire, so that its closures are read by the inspector; then packages stay
   * outside, as closures of one that assigns to its own variables would be refused. Default true.
   */
  readonly plugin?: boolean;
  /** What the plugin is told. Default nothing. */
  readonly pluginOptions?: BonfirePluginOptions;
}

const PACKAGES = /^[^./]/;

/** Without options for the plugin, without the plugin. */
type Build = (entry: string, out: string, plugin: BonfirePluginOptions | undefined) => Promise<unknown>;

/**
 * @param entry absolute path of the program's first file
 * @param folder where the output goes; `@bonfire/runtime` must be found from there
 * @returns path of the built program
 */
export async function buildProgram(
  bundler: Bundler,
  entry: string,
  folder: string,
  { plugin = true, pluginOptions = {} }: BuildProgramOptions = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const name = basename(entry).replace(/\.\w+$/, "");
  const out = join(folder, `${name}.${bundler === "esbuild to CommonJS" ? "cjs" : "mjs"}`);
  await builds[bundler](entry, out, plugin ? pluginOptions : undefined);
  return out;
}

const builds: Record<Bundler, Build> = {
  vite: (entry, out, plugin) =>
    viteBuild({
      root: join(entry, ".."),
      configFile: false,
      logLevel: "error",
      plugins: plugin ? [bonfireVite(plugin)] : [],
      build: {
        ssr: entry,
        outDir: join(out, ".."),
        emptyOutDir: false,
        sourcemap: true,
        rolldownOptions: { output: { entryFileNames: basename(out) } },
      },
    }),
  esbuild: (entry, out, plugin) => byEsbuild(entry, out, plugin, {}),
  "esbuild minified": (entry, out, plugin) => byEsbuild(entry, out, plugin, { minify: true }),
  "esbuild to CommonJS": (entry, out, plugin) => byEsbuild(entry, out, plugin, { format: "cjs" }),
  async rollup(entry, out, plugin) {
    const build = await rollup({
      input: entry,
      plugins: [stripTypes, ...(plugin ? [bonfireRollup(plugin)] : [])],
      external: PACKAGES,
      onwarn: (warning) => Promise.reject(new Error(warning.message)),
    });
    await build.write({ file: out, sourcemap: true });
    await build.close();
  },
  async rolldown(entry, out, plugin) {
    const build = await rolldown({
      input: entry,
      platform: "node",
      external: plugin ? [] : PACKAGES,
      plugins: plugin ? [bonfireRolldown(plugin)] : [],
    });
    await build.write({ file: out, sourcemap: true });
    await build.close();
  },
  webpack: (entry, out, plugin) =>
    new Promise<void>((resolve, reject) => {
      webpack(
        {
          mode: "production",
          target: "node24",
          devtool: "source-map",
          entry,
          experiments: { outputModule: true },
          output: {
            path: join(out, ".."),
            filename: basename(out),
            module: true,
            library: { type: "module" },
          },
          externalsType: "module",
          externals: plugin ? [] : PACKAGES,
          module: {
            rules: [{ test: /\.ts$/, loader: join(import.meta.dirname, "esbuild-webpack-loader.cjs") }],
          },
          plugins: plugin ? [bonfireWebpack(plugin)] : [],
        },
        (error, stats) => {
          if (error) reject(error);
          else if (stats?.hasErrors()) reject(new Error(stats.toString({ all: false, errors: true })));
          else resolve();
        },
      );
    }),
};

function byEsbuild(
  entry: string,
  out: string,
  plugin: BonfirePluginOptions | undefined,
  options: esbuild.BuildOptions,
) {
  return esbuild.build({
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    sourcemap: true,
    logLevel: "silent",
    packages: plugin ? "bundle" : "external",
    // An addon is no code for a bundler.
    external: ["*.node"],
    // Lowered, it would throw from other lines.
    supported: { using: true },
    plugins: plugin ? [bonfireEsbuild(plugin)] : [],
    ...options,
  });
}

/** Rollup reads JavaScript only. It stands before our plugin, whose own `order` must win. */
const stripTypes: Plugin = {
  name: "strip-types",
  async transform(code, id) {
    if (!id.endsWith(".ts")) return undefined;
    const { code: text, map } = await esbuild.transform(code, {
      loader: "ts",
      sourcemap: true,
      sourcefile: id,
      target: "node24",
    });
    return { code: text, map };
  },
};
