/** Source files, TypeScript and JSX among them, as syntax and scopes. The parser is loaded when the first file needs it. */
import { createRequire } from "node:module";
import type { Node, Parsed, ScopeManager } from "@bonfire/runtime/closure";

type Oxc = typeof import("oxc-parser");
type Scopes = typeof import("@typescript-eslint/scope-manager");

const require = createRequire(import.meta.url);
let oxc: Oxc | undefined;
let scopeManager: Scopes | undefined;

export interface ParsedFile extends Parsed {
  /** It has no import or export and asks for `require` or `exports`. */
  isCommonJs: boolean;
}

/** Undefined when the file has a syntax error: node reports that better than we could. */
export function parseSource(file: string, code: string): ParsedFile | undefined {
  oxc ??= require("oxc-parser") as Oxc;
  scopeManager ??= require("@typescript-eslint/scope-manager") as Scopes;
  const sourceType = /\.c[jt]s$/.test(file) ? "script" : "module";
  const { program, errors, module } = oxc.parseSync(file, code, {
    lang: languageOf(file),
    sourceType,
    range: true,
    preserveParens: false,
    astType: "ts",
  });
  if (errors.some(({ severity }) => severity === "Error")) return undefined;
  const scopes = scopeManager.analyze(program as never, { sourceType, lib: [], jsxPragma: null });
  return {
    file,
    code,
    program: program as unknown as Node,
    scopes: scopes as unknown as ScopeManager,
    isCommonJs: !module.hasModuleSyntax && /\b(?:require|module|exports)\b/.test(code),
  };
}

function languageOf(file: string): "ts" | "tsx" | "jsx" {
  if (/\.[cm]?tsx$/.test(file)) return "tsx";
  return /\.[cm]?ts$/.test(file) ? "ts" : "jsx";
}
