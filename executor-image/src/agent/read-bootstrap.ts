import { readSync } from "node:fs";
import type { Bootstrap } from "@bonfire/runtime/internal";

/**
 * The bootstrap is one line of JSON on standard input: it holds credentials, which argv and the environment would
 * show to others. It is read synchronously so that the first cell can be started before anything else is loaded.
 */
export function readBootstrap(): Bootstrap {
  const chunk = Buffer.alloc(64 * 1024);
  let text = "";
  while (!text.includes("\n")) {
    const length = readSync(0, chunk);
    if (length === 0) throw new Error("standard input ended before the bootstrap line");
    text += chunk.toString("utf8", 0, length);
  }
  return JSON.parse(text.slice(0, text.indexOf("\n"))) as Bootstrap;
}
