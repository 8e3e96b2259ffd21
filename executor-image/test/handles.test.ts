/** What a realm's host makes of packets: from drivers, and from guests that keep to no rule. */
import { BonfireError, encode, markRemote, PacketKind, packet } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const remoteOf = <F extends object>(fn: F): F => {
  markRemote(fn);
  return fn;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

for (const kind of ["isolate", "process"] as const) {
  test(`${kind}: a call whose value is alive goes on until that has ended, then says so once`, async () => {
    await using realm = new TestRealm({ kind });
    const numbers = (await realm.call("async function* () { yield 1; yield 2; }")) as AsyncGenerator<number>;
    assert.is(realm.over.size, 0);
    assert.equal(await Array.fromAsync(numbers), [1, 2]);
    await turn();
    assert.equal([...realm.over], [[1, undefined]]);
    assert.equal(realm.replies, [1]);
  });

  test(`${kind}: cancelling a call whose value is alive ends it with the reason`, async () => {
    await using realm = new TestRealm({ kind });
    await realm.call("async function* () { yield 1; }");
    realm.realm.cancel(1, new BonfireError("CALL_CANCELLED", "enough"));
    await turn();
    assert.is((realm.over.get(1) as { code: string }).code, "CALL_CANCELLED");
    assert.is(await realm.call("() => 1"), 1);
  });

  test(`${kind}: packets for unknown calls and handles, and bytes that are no packets, harm nobody else`, async () => {
    await using realm = new TestRealm({ kind });
    const waiting = realm.call(
      "async (signal) => { await new Promise((r) => signal.addEventListener('abort', r)); }",
      {
        args: [new AbortController().signal],
      },
    );
    const other = realm.call("() => new Promise((resolve) => setTimeout(resolve, 20, 'well'))");
    await turn();
    const junk = [
      packet(PacketKind.credit, 2, encode(1)),
      packet(PacketKind.data, 12_346, encode([0, 1])),
      packet(77, 3, new Uint8Array(9)),
      new Uint8Array(0),
      new Uint8Array(2_000_000),
    ];
    for (const bytes of junk) realm.realm.receive(999, bytes);
    for (const bytes of junk) realm.realm.receive(1, bytes);
    // The handles of a call that got what cannot be read are of no more use, and it hears of that.
    await waiting;
    assert.is(await other, "well");
  });
}

test("a guest that ignores its credit is stopped by its host at a bound, and its neighbours go on", async () => {
  await using realm = new TestRealm();
  const stream = (await realm.call(
    `() => {
      const max = Math.max;
      Math.max = () => -1e9; // makes every chunk count as a gift
      const chunk = new Uint8Array(60_000);
      return new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(resolve));
          for (let i = 0; i < 200; i++) controller.enqueue(chunk);
        },
      }, { highWaterMark: 1 });
    }`,
  )) as ReadableStream;
  const reading = failure(stream.getReader().read());
  realm.deaf = true;
  const deadline = performance.now() + 20_000;
  while (!realm.over.has(1) && performance.now() < deadline) await turn();
  assert.is((realm.over.get(1) as { code?: string })?.code, "PROTOCOL");
  assert.ok(realm.sent.bytes > 60_000_000 && realm.sent.bytes < 70_000_000, `${realm.sent.bytes} bytes left`);
  assert.is(await realm.call("() => 'well'"), "well");
  void reading;
});

test("a guest that floods within one entry is stopped at its deadline, and little of it is kept", async () => {
  await using realm = new TestRealm();
  const before = process.memoryUsage().arrayBuffers;
  const ended = failure(
    realm.call(
      `async (take) => {
        Math.max = () => -1e9;
        const chunk = new Uint8Array(60_000);
        for (;;) {
          take(chunk);
          await undefined;
        }
      }`,
      { args: [remoteOf(() => undefined)], budget: 1_000 },
    ),
  );
  realm.deaf = true;
  assert.is((await ended).code, "CALL_TIMEOUT");
  assert.ok(realm.sent.bytes < 70_000_000, `${realm.sent.bytes} bytes left`);
  assert.ok(process.memoryUsage().arrayBuffers - before < 200_000_000);
});

test.run();
