/** What `import.meta` says of each file of a bundle, and `__dirname` and `__filename` in CommonJS. */
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

const META = "$bonfireMeta";
const ASKS = /\bimport\.meta\b|\b__(?:dirname|filename)\b/;

/** Replacements for esbuild: members of an object that each file which asks for them declares for itself. */
export const META_DEFINES: Readonly<Record<string, string>> = {
  "import.meta.url": `${META}.url`,
  "import.meta.dirname": `${META}.dirname`,
  "import.meta.filename": `${META}.filename`,
  __dirname: `${META}.dirname`,
  __filename: `${META}.filename`,
};

/** The declaration of that object; undefined when the code of the file does not ask. */
export function metaOf(file: string, code: string): string | undefined {
  if (!ASKS.test(code)) return undefined;
  const meta = { url: pathToFileURL(file).href, dirname: dirname(file), filename: file };
  return `var ${META} = ${JSON.stringify(meta)};`;
}
