import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const server = createServer(async (request, response) => {
  if (request.url === "/echo") {
    response.setHeader("x-method", request.method ?? "");
    for await (const chunk of request) response.write(chunk);
    response.end();
  } else if (request.url === "/slow") {
    response.write("first");
    request.on("close", () => server.emit("gone"));
  } else if (request.url === "/again") {
    request.resume();
    response.writeHead(307, { location: "/echo" }).end();
  } else if (request.url === "/away") response.writeHead(302, { location: "http://localhost:1/" }).end();
  else response.writeHead(302, { location: "/echo" }).end();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const grants = { fetch: ["127.0.0.1"] };

test("fetch sends and receives, streams included", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(
    "async (base) => { const r = await fetch(base + '/echo', { method: 'POST', body: 'x'.repeat(300_000), headers: { a: 'b' } }); let size = 0; for await (const chunk of r.body) size += chunk.length; return [r.status, r.ok, r.headers.get('x-method'), size, r.url]; }",
    { args: [base] },
  );
  assert.equal(result, [200, true, "POST", 300_000, `${base}/echo`]);
});

test("a request's body is streamed: what is sent is answered before the rest is made", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(
    `async (base) => {
      const { readable, writable } = new TransformStream();
      const writer = writable.getWriter();
      const sent = writer.write(new Uint8Array([1]));
      const response = await fetch(base + "/echo", { method: "POST", body: readable, duplex: "half" });
      const reader = response.body.getReader();
      const seen = [...(await reader.read()).value];
      await sent;
      await writer.write(new Uint8Array([2]));
      seen.push(...(await reader.read()).value);
      await writer.close();
      return [seen, (await reader.read()).done];
    }`,
    { args: [base], budget: 10_000 },
  );
  assert.equal(result, [[1, 2], true]);
});

test("a large streamed body arrives whole", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(
    `async (base) => {
      let made = 0;
      const body = new ReadableStream({ pull(c) { if (made === 64) c.close(); else { made++; c.enqueue(new Uint8Array(65_536)); } } });
      const response = await fetch(base + "/echo", { method: "POST", body, duplex: "half" });
      return (await response.arrayBuffer()).byteLength;
    }`,
    { args: [base], budget: 20_000 },
  );
  assert.is(result, 64 * 65_536);
});

test("a body that fails fails its request, and one that was a stream is not sent twice", async () => {
  await using realm = new TestRealm({ grants });
  const failed = await failure(
    realm.call(
      `(base) => fetch(base + "/echo", { method: "POST", duplex: "half", body: new ReadableStream({ pull() { throw new RangeError("no more"); } }) })`,
      { args: [base] },
    ),
  );
  assert.is(failed.message, "no more");
  const again = await failure(
    realm.call(
      `(base) => fetch(base + "/again", { method: "POST", duplex: "half", body: new Blob(["x"]).stream() })`,
      { args: [base] },
    ),
  );
  assert.match(again.message, /a redirect asks for the body again/);
});

test("redirects are followed within the grant and no further", async () => {
  await using realm = new TestRealm({ grants });
  assert.equal(
    await realm.call(
      "async (base) => { const r = await fetch(base + '/r'); return [r.redirected, r.url, await r.text()]; }",
      { args: [base] },
    ),
    [true, `${base}/echo`, ""],
  );
  assert.is(
    (await failure(realm.call("(base) => fetch(base + '/away')", { args: [base] }))).code,
    "GRANT_MISSING",
  );
});

test("another host is refused by name", async () => {
  await using realm = new TestRealm({ grants });
  const error = await failure(realm.call("() => fetch('http://localhost:9/')"));
  assert.is(
    error.message,
    'Cannot fetch from localhost:9 as this pool does not grant that host: add grants: { fetch: ["localhost"] } to the pool',
  );
});

test("a signal aborts the request, and a call that ends takes its responses with it", async () => {
  await using realm = new TestRealm({ grants });
  const aborted = failure(
    realm.call(
      "async (base) => { const c = new AbortController(); setTimeout(() => c.abort(), 30); const r = await fetch(base + '/slow', { signal: c.signal }); return await r.text(); }",
      { args: [base] },
    ),
  );
  assert.is((await aborted).name, "AbortError");
  const gone = once(server, "gone");
  assert.is(await realm.call("async (base) => (await fetch(base + '/slow')).status", { args: [base] }), 200);
  await gone;
});

test.after(() => {
  server.closeAllConnections();
  server.close();
});

test.run();
