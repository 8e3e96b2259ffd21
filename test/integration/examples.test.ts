import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../harness/program.ts";

/** These tests share two cores with others. */
const SLOWNESS = Number(process.env.BONFIRE_TEST_SLOWNESS ?? 1);

const example = (name: string, ...args: string[]) =>
  new Program(`../examples/${name}/main.ts`, { loader: true, args });

test("01-hello says hello from another process", async () => {
  await using program = example("01-hello", "reader");
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  assert.match(program.output, /\[hello\] hello, reader/);
  assert.match(program.output, /23, 29/);
});

test("02-thumbnails makes its contact sheet, and its pool is back at zero at the end", async () => {
  const sheet = join(import.meta.dirname, "../../examples/02-thumbnails/out/contact-sheet.png");
  await rm(sheet, { force: true });
  await using program = example("02-thumbnails", "--seconds", "12");
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  assert.match(program.output, /12 thumbnails in/);
  assert.match(program.output, /the pool is back at zero/);
  assert.match(program.output, /executors over time: .*0 at/);
  assert.ok((await stat(sheet)).size > 10_000);
});

test("03-map finds the longest, and leaves out what failed", async () => {
  await using program = example("03-map");
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  assert.match(program.output, /of 500 seeds, \d+ takes the longest: \d+ steps/);
  assert.match(program.output, /4 done, 1 failed of 5/);
  assert.match(program.output, /\[ 1, 4, 16, 25 \]/);
});

test("04-stream fits its line and ends the run when it is good enough", async () => {
  await using program = example("04-stream");
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  assert.match(program.output, /y = 3\.00 x \+ 1\.00/);
  assert.match(program.output, /said on the executor: stopped after enough points/);
});

test("05-services goes on when one of its services is killed, and loses no more than it says", async () => {
  await using program = example("05-services", "--seconds", "8");
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  const figure = (name: string) =>
    Number(new RegExp(`${name}\\s*│\\s*'?(\\d+)`).exec(program.output)?.[1] ?? Number.NaN);
  assert.ok(figure("requests") > 200, program.output);
  // Each of its 16 users has one request under way when the service is killed.
  assert.ok(figure("failed") <= 16, program.output);
  // The lease of the killed service's rooms lasts for 1.5 s.
  assert.ok(figure("longest outage of a room") < 5_000 * SLOWNESS, program.output);
  // Of each of 8 rooms what came after it was saved last, every 10 lines.
  assert.ok(figure("lines lost") <= 8 * 9, program.output);
});

test.run();
