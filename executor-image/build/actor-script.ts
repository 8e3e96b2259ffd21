/**
 * Bundles the actor runtime as a script of its own, which only isolates that get an actor have to run. The wire format
 * and the class `Actor` are those of the guest: two of them would not know each other's errors and actors.
 */
import { build, type Plugin } from "esbuild";

export async function actorScript(dist: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL("guest/actor-main.js", dist).pathname],
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "es2024",
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [shared],
    logLevel: "warning",
  });
  return `(function (require, performance) {
"use strict";
const module = { exports: {} };
${outputFiles[0]!.text}
return module.exports.open;
})`;
}

const shared: Plugin = {
  name: "bonfire-shared",
  setup(build) {
    build.onResolve({ filter: /^@bonfire\/wire$/ }, ({ path }) => ({ path, external: true }));
    build.onResolve({ filter: /\/store\/clock\.js$/ }, () => ({
      path: "bonfire:lease-clock",
      external: true,
    }));
    build.onResolve({ filter: /^\.\/actor\.js$|\/actor\/actor\.js$/ }, () => ({
      path: "bonfire:runtime",
      external: true,
    }));
  },
};
