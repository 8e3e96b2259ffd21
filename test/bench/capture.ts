/**
 * What a call costs before anything is sent: reading its captures, finding its bundle, and, once for each file, the
 * loader's transform.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { capture } from "@bonfire/runtime/internal";
import { transform } from "../../packages/loader/dist/transform.js";
import { type Figure, median, quantile } from "./figure.ts";

/** Operations before the first round: enough for the engine to compile what is slow, which is the transform. */
const WARM_UP = 60;
const REPOSITORY = join(import.meta.dirname, "../..");

/** Anything with a `call` is taken for a pool by the loader, so this gives back a tagged function. */
const tagged = { call: <Fn extends () => unknown>(fn: Fn): Fn => fn };

export async function captureFigures(rounds: number): Promise<Record<string, Figure>> {
  const [width, height, depth, factor] = [640, 480, 8, 1.5];
  const [clip, codec, title] = ["clip.mp4", "h264", "a title of twenty-four."];
  const [isLive, options, tags] = [true, { start: 10, end: 20 }, ["a", "b"]];
  const values = () => [width, height, depth, factor, clip, codec, title, isLive, options, tags];
  const closure = tagged.call(() => [
    width,
    height,
    depth,
    factor,
    clip,
    codec,
    title,
    isLive,
    options,
    tags,
  ]);
  const tag = Object.getOwnPropertySymbols(closure).find(({ description }) => description === "bonfire.tag");
  if (!tag) throw new Error("the bench has to run under the loader");
  const readTag = (fn: object) =>
    Object.hasOwn(fn, tag)
      ? (fn as Record<symbol, { captures: () => unknown[] }>)[tag]!.captures()
      : undefined;
  const untagged = (index: number) => () => [width, clip, options, tags, index];
  const built = capture(closure);
  await built.bundles();

  return {
    "capture.thunk": measure(
      rounds,
      { unit: "µs", goal: "< 0.1 µs", batch: 10_000 },
      () => readTag(closure),
      values,
    ),
    "capture.encoded": measure(
      rounds,
      { unit: "µs", goal: "≤ structuredClone", batch: 1_000 },
      () => capture(closure),
      () => structuredClone(values()),
    ),
    "capture.inspector": measure(rounds, { unit: "µs", goal: "< 100 µs", batch: 1 }, (index) =>
      capture(untagged(index)),
    ),
    "bundle.warm": measure(rounds, { unit: "µs", goal: "at once", batch: 10_000 }, () => {
      if (!Array.isArray(built.bundles())) throw new Error("the bundle is not ready");
    }),
    ...transformFigures(rounds),
  };
}

function transformFigures(rounds: number): Record<string, Figure> {
  const [withSites, plain] = [fileWithSites(), source("runtime/src/supervisor/decide.ts")];
  const oxc = createRequire(join(REPOSITORY, "packages/loader/package.json"))("oxc-parser") as {
    parseSync(file: string, code: string): { program: object };
  };
  const run = (code: string, hasSites: boolean) => {
    const result = transform("/a.ts", "file:///a.ts", code);
    if (Boolean(result?.source) !== hasSites) throw new Error("call sites are not as expected");
  };
  const unit = "ms/1,000 lines";
  return {
    "transform.sites": measure(
      rounds,
      { unit, goal: "≤ 6 ms", batch: 1, per: linesOf(withSites), times: 10 },
      () => run(withSites, true),
      () => oxc.parseSync("/a.ts", withSites).program,
    ),
    "transform.plain": measure(rounds, { unit, goal: "≤ 0.05 ms", batch: 100, per: linesOf(plain) }, () =>
      run(plain, false),
    ),
  };
}

interface Measured {
  unit: string;
  goal: string;
  /** How many operations are timed together. */
  batch: number;
  /** Lines that one operation is given, for figures in ms per 1,000 lines. */
  per?: number;
  /** Batches in a round. */
  times?: number;
}

function measure(
  rounds: number,
  { unit, goal, batch, per, times = 100 }: Measured,
  operation: (index: number) => unknown,
  floor?: () => unknown,
): Figure {
  const scale = per === undefined ? 1 : 1 / per;
  const values: number[] = [];
  const floors: number[] = [];
  const all: number[] = [];
  for (let index = 0; index < WARM_UP; index++) {
    kept[0] = [operation(index), floor?.()];
  }
  for (let round = 0; round < rounds; round++) {
    if (floor) floors.push(median(timed(times, batch, floor)) * scale);
    const took = timed(times, batch, operation);
    all.push(...took);
    values.push(median(took) * scale);
  }
  return {
    value: median(values),
    unit,
    p50: median(all),
    p99: quantile(all, 0.99),
    ...(floor && {
      floor: median(floors),
      ratio: median(values.map((value, round) => value / (floors[round] as number))),
    }),
    goal,
  };
}

/** Keeps the engine from leaving out work whose result nobody looks at. */
const kept: unknown[] = [];

/** Microseconds of one operation, for each batch. */
function timed(times: number, batch: number, operation: (index: number) => unknown): number[] {
  return Array.from({ length: times }, (_, time) => {
    const begin = performance.now();
    for (let index = 0; index < batch; index++) kept[0] = operation(time * batch + index);
    return ((performance.now() - begin) * 1_000) / batch;
  });
}

/** More than a thousand lines of this repository's code, with two call sites for each of six files. */
function fileWithSites(): string {
  const parts = ["call", "cell-link", "dispatcher", "map", "lease-report", "open-pool"].map((name, index) => {
    const body = source(`runtime/src/pool/${name}.ts`)
      .replace(/^import [^;]*;\n/gm, "")
      .replace(/^export (type |default )?/gm, "$1");
    return `async function part${index}(a: number, { b, c }: { b: string; c: number[] }) {
${body}
  const local = a + 1;
  const length = await pool.call(async () => {
    const text = await readFile(b);
    return text.length + local + limit.most + c.map((x) => x * a).length;
  });
  for (const item of c) await pool.call(() => item * length);
}
`;
  });
  return `import { readFile } from "node:fs/promises";
import { connect } from "@bonfire/runtime";
const fire = await connect();
const pool = await fire.pool("x", {});
const limit = { most: 3 };
${parts.join("")}`;
}

function source(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

function linesOf(code: string): number {
  return code.split("\n").length;
}
