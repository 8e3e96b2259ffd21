/** Source files, TypeScript and JSX among them, as syntax. The parser is loaded when the first file needs it. */
import { createRequire } from "node:module";
import type { Node, Parsed } from "@bonfire/runtime/closure";

type Oxc = typeof import("oxc-parser");

const require = createRequire(import.meta.url);
let oxc: Oxc | undefined;

export interface ParsedFile extends Parsed {
  /** It has no import or export and asks for `require` or `exports`. */
  isCommonJs: boolean;
}

/** Undefined when the file has a syntax error: node reports that better than we could. */
export function parseSource(file: string, code: string): ParsedFile | undefined {
  oxc ??= require("oxc-parser") as Oxc;
  const sourceType = /\.c[jt]s$/.test(file) ? "script" : "module";
  const lang = languageOf(file);
  const { program, errors, module } = oxc.parseSync(file, code, {
    lang,
    sourceType,
    preserveParens: false,
    // The fields of types cost a quarter of the time.
    astType: lang === "jsx" ? "js" : "ts",
  });
  if (errors.some(({ severity }) => severity === "Error")) return undefined;
  return {
    file,
    code,
    program: program as unknown as Node,
    isCommonJs: !module.hasModuleSyntax && /\b(?:require|module|exports)\b/.test(code),
  };
}

function languageOf(file: string): "ts" | "tsx" | "jsx" {
  if (/\.[cm]?tsx$/.test(file)) return "tsx";
  return /\.[cm]?ts$/.test(file) ? "ts" : "jsx";
}
