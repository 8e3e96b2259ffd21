/** Edited code reaches cells that run, and only what changed of it is sent. */
import "@bonfire/loader";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { connect, type Pool, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { agents } from "../../harness/executors.ts";
import { until } from "../../harness/outcome.ts";

interface Edited {
  run(pool: Pool): Promise<string>;
  /** With `meet`, it waits for that first. */
  again(pool: Pool, meet?: () => Promise<void>): Promise<string>;
}

const PACKAGE_BYTES = 400_000;
const project = realpathSync(mkdtempSync(join(tmpdir(), "bonfire-sync-")));
const write = (path: string, text: string) => {
  mkdirSync(join(project, path, ".."), { recursive: true });
  writeFileSync(join(project, path), text);
};
write("package.json", '{ "type": "module" }');
write("node_modules/big/package.json", '{ "type": "module", "exports": "./index.js" }');
write(
  "node_modules/big/index.js",
  `const table = ${JSON.stringify("x".repeat(PACKAGE_BYTES))};\nexport const size = () => table.length;\n`,
);
write("helper.ts", `export const helper = (n: number) => \`\${n} helped\`;\n`);

let version = 0;
/** The file as it is after an edit, as a REPL or a watcher imports it. */
const edited = async (word: string): Promise<Edited> => {
  write(
    "edited.ts",
    `import { size } from "big";
import { helper } from "./helper.ts";
export const run = (pool) => pool.call(() => \`${word} \${helper(size())}\`);
export const again = (pool, meet) => pool.call(async () => {
  await meet?.();
  return helper(size());
});
`,
  );
  return (await import(`${pathToFileURL(join(project, "edited.ts")).href}?${++version}`)) as Edited;
};

const fire = await connect();
test.after(async () => {
  await fire.close();
  rmSync(project, { recursive: true });
});

for (const realm of ["isolate", "process"] as const) {
  test(`F18: an edit is in force at the next call, in the same cell, and costs what changed (${realm})`, async () => {
    await using pool = await fire.pool(`sync-${realm}`, { max: 1, realm, logs: "ignore" });
    const sent = () => pool.inspect().cells[0]?.codeBytes ?? 0;
    const before = await edited("first");
    assert.is(await before.run(pool), `first ${PACKAGE_BYTES} helped`);
    const first = sent();
    assert.ok(first > PACKAGE_BYTES);
    const { node } = pool.inspect().cells[0]!;

    await before.run(pool);
    await before.again(pool);
    assert.is(sent(), first, "unchanged code is never sent twice");

    const after = await edited("second");
    assert.is(await after.run(pool), `second ${PACKAGE_BYTES} helped`);
    assert.ok(sent() - first < 3_000, `${sent() - first} bytes were sent after the edit`);
    assert.is(pool.inspect().cells[0]?.node, node);
    assert.is(await before.run(pool), `first ${PACKAGE_BYTES} helped`, "the old code is still what it was");
  });
}

test("F18: one that takes the place of a killed executor is sent the code once, and those that live nothing again", async () => {
  await using pool = await fire.pool("sync-killed", { max: 2, realm: "process", logs: "ignore" });
  const { again } = await edited("third");
  const onBoth = async () => {
    const both = Promise.withResolvers<void>();
    let begun = 0;
    const meet = remote(() => {
      if (++begun === 2) both.resolve();
      return both.promise;
    });
    await Promise.all([again(pool, meet), again(pool, meet)]);
  };
  const sent = () => new Map(pool.inspect().cells.map(({ node, codeBytes }) => [node, codeBytes]));
  await onBoth();
  const before = sent();
  assert.is(before.size, 2);
  const [victim] = await agents();
  process.kill(victim as number, "SIGKILL");
  await until(() => pool.inspect().cells.length === 1);
  await onBoth();
  await onBoth();
  const after = sent();
  assert.is(after.size, 2);
  const [kept] = [...after.keys()].filter((node) => before.has(node));
  assert.is(after.get(kept as string), before.get(kept as string), "the survivor was sent nothing");
  const [fresh] = [...after.keys()].filter((node) => !before.has(node));
  assert.is(after.get(fresh as string), before.get(kept as string), "the other all of it, once");
});

interface Shaped {
  Shape: new () => { version(): string };
  make(pool: Pool): Promise<object>;
  back(pool: Pool, shape: object): Promise<object>;
}

test("instances of a class that was edited keep the version that made them", async () => {
  await using pool = await fire.pool("versions", { max: 1, logs: "ignore" });
  const load = async (word: string): Promise<Shaped> => {
    write(
      "shape.ts",
      `export class Shape { version() { return "${word}"; } }
export const make = (pool) => pool.call(() => new Shape());
export const back = (pool, shape) => pool.call(() => shape);
`,
    );
    return (await import(`${pathToFileURL(join(project, "shape.ts")).href}?${word}`)) as Shaped;
  };
  const first = await load("first");
  const old = new first.Shape();
  const second = await load("second");
  for (const maker of [second, first]) {
    assert.instance(await maker.make(pool), maker.Shape);
    assert.instance(await second.back(pool, old), first.Shape);
    assert.instance(await first.back(pool, new second.Shape()), second.Shape);
  }
});

test("instances of an edited file that hands nothing to a pool keep their version too", async () => {
  await using pool = await fire.pool("plain-versions", { max: 1, logs: "ignore" });
  const load = async (word: string) => {
    write("plain.ts", `export class Plain { word() { return "${word}"; } }\n`);
    const { Plain } = await import(`${pathToFileURL(join(project, "plain.ts")).href}?${word}`);
    return { Plain, one: new Plain() };
  };
  const check = async ({ Plain, one }: Awaited<ReturnType<typeof load>>, word: string) => {
    const { seen, back } = await pool.call(() => ({ seen: one.word(), back: one }));
    assert.is(seen, word);
    assert.instance(back, Plain);
  };
  const first = await load("one");
  await check(first, "one");
  const second = await load("three");
  await check(second, "three");
  await check(first, "one");
});

test("a cell that has dropped code is sent it again, and the caller sees nothing of it", async () => {
  await using pool = await fire.pool("dropped", { max: 1, memory: 64, logs: "ignore" });
  const calls: (() => Promise<string>)[] = [];
  // 64 MB of memory keep 16 MB of code: about 40 of these.
  for (let i = 0; i < 60; i++) {
    write(
      `many/file${i}.ts`,
      `import { helper } from "../helper.ts";\nconst own = ${JSON.stringify(String(i % 10).repeat(PACKAGE_BYTES))};\nexport const run = (pool) => pool.call(() => helper(${i}) + own.length);\n`,
    );
    const module = await import(pathToFileURL(join(project, `many/file${i}.ts`)).href);
    calls.push(() => module.run(pool));
    assert.is(await calls[i]!(), `${i} helped${PACKAGE_BYTES}`);
  }
  const sent = pool.inspect().cells[0]!.codeBytes;
  assert.is(await calls[0]!(), `0 helped${PACKAGE_BYTES}`);
  assert.ok(pool.inspect().cells[0]!.codeBytes - sent > PACKAGE_BYTES, "it was sent again");
  assert.is(await calls[59]!(), `59 helped${PACKAGE_BYTES}`);
});

test.run();
