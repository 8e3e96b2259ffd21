import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";

const fire = await connect();
const pool = await fire.pool("large", { max: 1, memory: 512, maxCaptureBytes: 128_000_000, logs: "ignore" });
test.after(() => fire.close());

function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 509) bytes[i] = (i * 7) % 251;
  return bytes;
}

test("100 MB captured and returned come back byte for byte", async () => {
  const bytes = pattern(100_000_000);
  const back = await pool.call({ bytes }, ({ bytes }) => bytes);
  assert.instance(back, Uint8Array);
  assert.is(Buffer.compare(back, bytes), 0);
});

test("values just below and above the payload limit of NATS arrive alike", async () => {
  for (const size of [1_046_000, 1_047_500, 1_048_576, 1_050_000]) {
    const bytes = pattern(size);
    const back = await pool.call({ bytes }, ({ bytes }) => bytes);
    assert.is(Buffer.compare(back, bytes), 0, `${size} bytes`);
  }
});

test("small calls are served while a large value is on its way", async () => {
  const bytes = pattern(50_000_000);
  let over = false;
  const large = pool
    .call({ bytes }, ({ bytes }) => bytes.length)
    .finally(() => {
      over = true;
    });
  await using other = await fire.pool("small", { max: 1, logs: "ignore" });
  let served = 0;
  while (!over) served += await other.call({ n: 1 }, ({ n }) => n);
  assert.is(await large, 50_000_000);
  assert.ok(served > 0);
});

test("more than maxCaptureBytes is refused before anything is sent", async () => {
  await using strict = await fire.pool("strict", { max: 1, maxCaptureBytes: 1_000 });
  const bytes = new Uint8Array(2_000);
  assert.throws(
    () => strict.call(() => bytes.length),
    (error: Error & { code: string }) => {
      assert.is(error.code, "CAPTURE_REFUSED");
      assert.match(error.message, /bytes/);
      return true;
    },
  );
  assert.equal(strict.inspect().executors, { ready: 0, booting: 0, draining: 0 });
});

test.run();
