/** Other loaders and plugins may have changed a file's text before we see it. */
import { readFileSync } from "node:fs";

/** The text of the file on disk; undefined when it has none, as a virtual module. */
export function rawText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
