/** One file of the Web Platform Tests as a script that runs wherever there is a global scope, and what it prints. */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, posix } from "node:path";

const SUITE = join(import.meta.dirname, "suite");

/** Folders of the suite, as its files are reported. */
export const AREAS = [
  ...["url", "encoding", "dom/abort", "dom/events", "streams", "compression"],
  ...["html/webappapis/structured-clone", "html/webappapis/atob"],
  "html/webappapis/microtask-queuing",
] as const;

/** A subtest: its name, whether it passed, and what it said if not. */
export type Subtest = readonly [name: string, passed: boolean, message: string];

/** What runs a file. */
export interface Script {
  /** A function expression that takes `args` and returns a promise of subtests. */
  readonly run: string;
  readonly args: readonly [harness: string, source: string, files: Readonly<Record<string, string>>];
}

/** Milliseconds after which subtests that have not ended count as failed. */
const PATIENCE = 5_000;

const RUN = `async (harness, source, files) => {
  const scope = globalThis;
  scope.self = scope;
  scope.GLOBAL = { isWindow: () => false, isShadowRealm: () => false, isWorker: () => false };
  scope.location = { href: "https://web-platform.test/", search: "", hash: "" };
  scope.fetch = async (name) => ({ json: async () => JSON.parse(files[name]), text: async () => files[name] });
  (0, eval)(harness);
  const results = [];
  const complete = new Promise((resolve) => {
    scope.add_result_callback(({ name, status, message }) => results.push([name, status === 0, message ?? ""]));
    scope.add_completion_callback((_, { status, message }) => resolve(status === 0 ? [] : [["(the file)", false, message ?? ""]]));
  });
  scope.setup({ explicit_timeout: true });
  (0, eval)(source);
  const late = new Promise((resolve) => setTimeout(resolve, ${PATIENCE}, [["(the file)", false, "it did not end"]]));
  const ending = await Promise.race([complete, late]);
  return [...results, ...ending];
}`;

/** The test files, by path in the suite. */
export async function testFiles(): Promise<string[]> {
  const found = await readdir(SUITE, { recursive: true });
  return found.filter((file) => /\.(?:any|window)\.js$/.test(file)).sort();
}

export function areaOf(file: string): string {
  return AREAS.find((area) => file.startsWith(`${area}/`))!;
}

export function scriptOf(file: string): Script {
  const text = read(file);
  const helpers = [...text.matchAll(/^\/\/ META: script=(.*)$/gm)].map(([, path]) =>
    read(resolve(file, path!)),
  );
  const strict = /^(?:\s|\/\/.*\n)*['"]use strict['"]/.test(text) ? '"use strict";\n' : "";
  return {
    run: RUN,
    args: [read("resources/testharness.js"), [strict, ...helpers, text].join("\n"), data(file, text)],
  };
}

/** The files that a test fetches, by the name it uses. */
function data(file: string, text: string): Record<string, string> {
  const names = [...text.matchAll(/fetch\("([^"]+\.json)"\)/g)].map(([, name]) => name!);
  return Object.fromEntries(names.map((name) => [name, read(resolve(file, name))]));
}

function resolve(file: string, path: string): string {
  return path.startsWith("/") ? path.slice(1) : posix.join(dirname(file), path);
}

function read(path: string): string {
  return readFileSync(join(SUITE, path), "utf8");
}
