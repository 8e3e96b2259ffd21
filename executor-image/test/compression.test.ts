import { gunzipSync, gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

test("zlib's streams pack and unpack, in pipelines and by flush", async () => {
  await using realm = new TestRealm();
  const result = (await realm.call(`async () => {
    const zlib = require("node:zlib");
    const { Readable } = require("node:stream");
    const { pipeline } = require("node:stream/promises");
    const { buffer } = require("node:stream/consumers");
    const big = Buffer.alloc(1_000_000, "bonfire ");
    const sizes = [];
    for (const [pack, unpack] of [["Gzip", "Gunzip"], ["Deflate", "Inflate"], ["DeflateRaw", "InflateRaw"], ["BrotliCompress", "BrotliDecompress"], ["Gzip", "Unzip"]]) {
      let back;
      await pipeline(Readable.from([big, big]), zlib["create" + pack](), zlib["create" + unpack](), async (source) => { back = await buffer(source); });
      sizes.push(back.length, back.subarray(1_000_000).equals(big));
    }
    const gzip = zlib.createGzip({ level: 9 });
    const packed = [];
    gzip.on("data", (part) => packed.push(part));
    gzip.write("flushed");
    await new Promise((done) => gzip.flush(done));
    const early = Buffer.concat(packed).length > 10;
    gzip.end(" whole");
    await new Promise((done) => gzip.on("end", done));
    return [sizes, early, Buffer.concat(packed), gzip.bytesWritten];
  }`)) as [unknown[], boolean, Buffer, number];
  assert.equal(result[0], Array(5).fill([2_000_000, true]).flat());
  assert.ok(result[1]);
  assert.is(gunzipSync(result[2]).toString(), "flushed whole");
  assert.is(result[3], 13);
});

test("bytes that are no archive fail the stream as in Node", async () => {
  await using realm = new TestRealm();
  const error = await failure(
    realm.call(`async () => {
      const { createGunzip } = require("node:zlib");
      const { Readable } = require("node:stream");
      const { pipeline } = require("node:stream/promises");
      await pipeline(Readable.from([Buffer.from("no archive")]), createGunzip(), async (source) => { for await (const _ of source); });
    }`),
  );
  assert.equal([error.code, error.message], ["Z_DATA_ERROR", "incorrect header check"]);
});

test("a small piece that unpacks to more than the memory limit is refused", async () => {
  await using realm = new TestRealm({ memoryMb: 16 });
  const bomb = gzipSync(Buffer.alloc(40 * 2 ** 20));
  const error = await failure(
    realm.call(
      `async (bomb) => {
        const { createGunzip } = require("node:zlib");
        for await (const _ of require("node:stream").Readable.from([bomb]).pipe(createGunzip()));
      }`,
      { args: [bomb], budget: 20_000 },
    ),
  );
  assert.match(error.message, /Cannot unpack more than 16777216 bytes at a time|memory|premature/i);
});

test("calls that share an isolate keep their streams apart", async () => {
  await using realm = new TestRealm();
  const source = `async (n) => {
    const { createGzip, gunzipSync } = require("node:zlib");
    const { buffer } = require("node:stream/consumers");
    const gzip = createGzip();
    const all = buffer(gzip);
    for (let i = 0; i < 20; i++) { await null; gzip.write(String(n)); await new Promise(setImmediate); }
    gzip.end();
    return gunzipSync(await all).toString();
  }`;
  const results = await Promise.all([1, 2, 3].map((n) => realm.call(source, { args: [n] })));
  assert.equal(
    results,
    [1, 2, 3].map((n) => String(n).repeat(20)),
  );
});

test.run();
