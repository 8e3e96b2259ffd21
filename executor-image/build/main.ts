/**
 * Produces dist/guest.js, the one script that every isolate runs: Node's library and our guest, as a function of what
 * the host hands in, and dist/actors.js, which those with an actor run too. Node's license goes beside it. Run after `tsc`, which checks and compiles the guest's sources.
 */
import { copyFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { actorScript } from "./actor-script.ts";
import { codeCache } from "./code-cache.ts";
import { libraryLiteral } from "./node-library.ts";
import { nodeSources } from "./node-sources.ts";
import { bundlePrograms } from "./programs.ts";

const dist = new URL("../dist/", import.meta.url);
const { BRIDGE_PARTS } = (await import(
  new URL("guest/layout.js", dist).href
)) as typeof import("../src/guest/layout.ts");

const guest = await build({
  entryPoints: [new URL("guest/main.js", dist).pathname],
  bundle: true,
  write: false,
  format: "iife",
  globalName: "guest",
  target: "es2024",
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: "warning",
});

const library = await libraryLiteral(nodeSources());

const script = `(function (${BRIDGE_PARTS.join(", ")}) {
"use strict";
const hostBridge = { ${BRIDGE_PARTS.join(", ")} };
const nodeLibrary = ${library};
${guest.outputFiles[0]!.text}
return guest.entry;
})`;

await writeFile(new URL("guest.js", dist), script);
await writeFile(new URL("actors.js", dist), await actorScript(dist));
const { guestFacts } = (await import(
  new URL("sandbox/guest-facts.js", dist).href
)) as typeof import("../src/sandbox/guest-facts.ts");
await writeFile(new URL("guest.cache", dist), codeCache(script, BRIDGE_PARTS, guestFacts({}, 128, "/")));
await copyFile(new URL("NODE-LICENSE", import.meta.url), new URL("guest.js.LICENSE", dist));
await bundlePrograms(dist);
