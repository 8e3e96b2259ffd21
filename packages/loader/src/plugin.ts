/**
 * The bundler plugin. It does to each file what the loader does, and puts the finished bundle of the file's closures
 * into the output, as the built program may run where its sources are not.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import {
  type Bundle,
  buildBundle,
  formatBuilt,
  type ShipSource,
  shipClasses,
  shortPath,
} from "@bonfire/runtime/closure";
import { createUnplugin, type UnpluginContext, type UnpluginInstance } from "unplugin";
import { classTable, headOf, mark, mayShip, sharing } from "./mark.ts";
import { parseSource } from "./parse.ts";
import { rawText } from "./raw-text.ts";

export interface BonfirePluginOptions {
  /**
   * What a closure does to the build that would be refused at its call, or whose bundle fails: "error" fails the build,
   * "warning" only tells. Default "error".
   */
  refusals?: "error" | "warning";
}

const SOURCE_FILE = /\.[cm]?[jt]sx?$/;
/** Bonfire's own packages start threads and programs from their own folders, so they stay outside of the output. */
const OURS = /^@bonfire\//;
const OUTSIDE = ["@bonfire/runtime", "@bonfire/backend-local", "@bonfire/executor"];

export const plugin: UnpluginInstance<BonfirePluginOptions | undefined, false> = createUnplugin(
  (options: BonfirePluginOptions | undefined) => ({
    name: "bonfire",
    // Before others, as remote stacks are to name the lines of the source.
    enforce: "pre" as const,
    transform: {
      order: "pre",
      filter: { id: { include: SOURCE_FILE, exclude: [/\/node_modules\//, /\0/] } },
      async handler(code: string, id: string) {
        return await transform(this, options ?? {}, code, id);
      },
    },
    rollup: { resolveId: { order: "pre", handler: outside } },
    rolldown: { resolveId: { order: "pre", handler: outside } },
    vite: {
      // What runs in a browser has no pools.
      applyToEnvironment: ({ config }) => config.consumer === "server",
      config: () => ({ ssr: { external: OUTSIDE } }),
      // Vitest keeps what it has transformed until that very file changes; a bundle has other files in it.
      configureVitest: ({ defineCacheKeyGenerator }: VitestContext) => {
        defineCacheKeyGenerator?.(({ sourceCode }) => (mayShip(sourceCode) ? false : undefined));
      },
    },
    esbuild: {
      config: (build) => {
        build.external = [...(build.external ?? []), "@bonfire/*"];
      },
    },
    webpack: (compiler) => {
      const { ExternalsPlugin } = compiler.webpack;
      const type = compiler.options.output.module ? "module" : "node-commonjs";
      new ExternalsPlugin(type, OURS).apply(compiler);
    },
  }),
);

function outside(id: string) {
  return OURS.test(id) ? { id, external: true } : undefined;
}

interface VitestContext {
  defineCacheKeyGenerator?(generator: (module: { sourceCode: string }) => false | undefined): void;
}

type Context = UnpluginContext & {
  addWatchFile(id: string): void;
  /** Rollup's only. */
  cache?: { has(key: string): boolean };
};

/** Our own files, where the packages are linked and so are not below a node_modules. */
function isOurs(file: string): boolean {
  ownFolders ??= folders();
  return ownFolders.some((folder) => file.startsWith(folder));
}

let ownFolders: readonly string[] | undefined;

function folders(): readonly string[] {
  const runtime = createRequire(import.meta.url).resolve("@bonfire/runtime");
  return [runtime, createRequire(runtime).resolve("@bonfire/wire")].map(dirname);
}

async function transform(context: Context, options: BonfirePluginOptions, code: string, file: string) {
  if (isOurs(file)) return undefined;
  const raw = rawText(file) ?? code;
  const marked = mark(file, code, raw);
  const parsed = marked && (marked.parsed ?? parseSource(file, code));
  // With a syntax error it is left to the bundler, which tells of it.
  if (!parsed) return undefined;
  const source = marked.source ?? shippedClasses(file, raw);
  if (!source) return undefined;
  tellProblems(context, options, source, marked.certain);
  let bundle: Bundle;
  try {
    bundle = await buildBundle(source);
  } catch (error) {
    const { message } = error as Error;
    // What merely looks like a call of a pool must not fail the build.
    if (marked.certain.includes(true) && options.refusals !== "warning") context.error(message);
    else context.warn(message);
    return undefined;
  }
  for (const input of inputsOf(bundle)) context.addWatchFile(input);
  // Rollup keeps what it has transformed until that very file changes, but not of plugins that look into its cache.
  context.cache?.has(file);
  const { text, classes } = marked;
  text.appendLeft(
    headOf(parsed.program),
    registration(formatBuilt(source, bundle), parsed.isCommonJs) + sharing(source),
  );
  if (classes.length > 0) text.append(`\n;$bonfire.classes($bonfireFile,${classTable(classes)});`);
  return {
    code: text.toString(),
    map: text.generateMap({ source: file, hires: "boundary", includeContent: true }),
  };
}

/** Instances of the file's classes may be captured by closures of other files. */
function shippedClasses(file: string, raw: string): ShipSource | undefined {
  const parsed = parseSource(file, raw);
  return parsed && shipClasses(parsed);
}

function tellProblems(
  context: Context,
  { refusals = "error" }: BonfirePluginOptions,
  { file, sites }: ShipSource,
  certain: readonly boolean[],
): void {
  const refused: string[] = [];
  for (const [index, { problems }] of sites.entries()) {
    if (!certain[index]) continue;
    for (const { line, column, message, severity } of problems) {
      const sentence = `${shortPath(file)}:${line}:${column} the closure ${message}`;
      if (severity === "error" && refusals === "error") refused.push(sentence);
      else context.warn({ message: sentence, loc: { file, line, column: column - 1 } });
    }
  }
  // All at once, as some bundlers end at the first.
  if (refused.length > 0) context.error(refused.join("\n"));
}

/** The project's own files in a bundle: when one of them changes, the bundle is built again. */
function inputsOf({ map }: Bundle): string[] {
  const { sources } = JSON.parse(map ?? '{"sources":[]}') as { sources: string[] };
  return sources.filter((path) => SOURCE_FILE.test(path) && !path.includes("/node_modules/"));
}

/**
 * `var`, as modules that import each other may call a function of this one before it runs. A CommonJS file finds the
 * runtime by itself, as `require` of something outside fails in the ES modules that bundlers make of such files.
 */
function registration(built: string, isCommonJs: boolean): string {
  const door = '"@bonfire/runtime/built"';
  const call = `$bonfireRegister(${JSON.stringify(built)});`;
  if (!isCommonJs)
    return `import{register as $bonfireRegister,registry as $bonfire}from${door};var $bonfireFile=${call}`;
  const from = 'typeof __filename==="string"?__filename:process.argv[1]??process.cwd()+"/_"';
  const find = `process.getBuiltinModule("module").createRequire(${from})(${door})`;
  return `var{register:$bonfireRegister,registry:$bonfire}=${find},$bonfireFile=${call}`;
}
