/** A cell keeps the bundles that it uses: those that it has not used for longest go when there is too much code. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

/** 16 MB of memory allow 4 MB of code. */
const MEMORY_MB = 16;
const PADDING = `/* ${"x".repeat(300_000)} */`;

for (const kind of ["isolate", "process"] as const) {
  test(`bundles that were used longest ago are dropped, and say so when they are called (${kind})`, async () => {
    await using realm = new TestRealm({ kind, memoryMb: kind === "isolate" ? 128 : MEMORY_MB });
    const padding = kind === "isolate" ? PADDING.repeat(7) : PADDING;
    const bundle = (name: string) =>
      realm.bundle([`() => "${name}"`, "() => ++count"], `let count = 0; ${padding}`);
    const run = (number: number, site = 0) => {
      const { call, result } = realm.incoming(number, {}, site);
      realm.run([call]);
      return result;
    };
    const [first, second] = [bundle("first"), bundle("second")];
    assert.is(await run(first), "first");
    assert.is(await run(first, 1), 1);
    assert.is(await run(second), "second");
    for (let i = 0; i < 20; i++) {
      assert.ok(realm.realm.has(first), "what is used stays");
      bundle(`other ${i}`);
    }
    assert.not(realm.realm.has(second));
    assert.is(realm.realm.code(second), undefined);
    assert.is((await failure(run(second))).code, "BUNDLE_MISSING");
    assert.is(await run(first, 1), 2, "with its state");
  });

  test(`a bundle that comes back after it was dropped begins anew (${kind})`, async () => {
    await using realm = new TestRealm({ kind, memoryMb: 128 });
    const code = `(async () => { let count = 0; return { sites: [() => () => ++count], classes: {} }; })`;
    const number = realm.code(code);
    const run = () => {
      const { call, result } = realm.incoming(number);
      realm.run([call]);
      return result;
    };
    assert.is(await run(), 1);
    assert.is(await run(), 2);
    for (let i = 0; i < 20; i++)
      realm.code(`(() => ({ sites: [], classes: {} })) // ${i} ${PADDING.repeat(7)}`);
    assert.not(realm.realm.has(number));
    realm.realm.load(number, "00000000000000ff", code);
    assert.is(await run(), 1);
  });
}

test.run();
