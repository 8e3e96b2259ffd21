/** `node --import @bonfire/loader main.ts`: transforms files as node loads them. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import {
  installRegistry,
  registerFile,
  rememberEdits,
  shortPath,
  warmBundle,
} from "@bonfire/runtime/closure";
import { type Transformed, transform } from "./transform.ts";

const SOURCE_FILE = /\.[cm]?[jt]sx?$/;

installRegistry();
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith("file:") || url.includes("/node_modules/") || loaded.source == null) return loaded;
    const bare = url.replace(/[?#].*$/, "");
    if (!SOURCE_FILE.test(bare)) return loaded;
    const code =
      typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
    const path = fileURLToPath(bare);
    const result = transform(path, bare, code);
    if (!result) return loaded;
    if (result.edits) rememberEdits(path, result.edits);
    if (result.source) ship(bare, result);
    return { ...loaded, source: result.code };
  },
});

function ship(url: string, { source, certain }: Transformed): void {
  for (const [index, { problems }] of source!.sites.entries()) {
    if (!certain[index]) continue;
    for (const { line, column, message, severity } of problems) {
      process.stderr.write(
        `bonfire: ${severity}: ${shortPath(source!.file)}:${line}:${column} the closure ${message}\n`,
      );
    }
  }
  const file = registerFile(url, source!);
  // After the files that are loading now, so that it does not delay them.
  setImmediate(() => warmBundle(file)).unref();
}
