/** What an isolate may send in the name of its actor. The posts are written here as a hostile guest could. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { POST_BYTES, Post } from "../dist/guest/layout.js";
import { IsolateActor } from "../dist/realm/isolate-actor.js";

const NODE = "a-executor-1-1";
const published: { to: string; size: number; reply: string | undefined }[] = [];

const actor = new IsolateActor(
  1,
  { inbox: new Uint8Array(new SharedArrayBuffer(1_024)), gone: false } as never,
  {
    enter: () => NODE,
    leave: () => undefined,
    watchNode: () => () => undefined,
    carrier: {
      link: { up: true },
      maxPayload: 1_000,
      publish: (to: string, payload: Uint8Array, reply?: string) =>
        published.push({ to, size: payload.length, reply }),
    },
  } as never,
);

function post(what: number, to: string, reply = "", size = 0): boolean {
  const bytes = Buffer.alloc(POST_BYTES + to.length + reply.length + size);
  bytes[0] = what;
  bytes.writeUInt16LE(to.length, 1);
  bytes.writeUInt16LE(reply.length, 3);
  bytes.write(to + reply, POST_BYTES, "latin1");
  return actor.posted(bytes);
}

test("messages and answers in its own name are sent", () => {
  published.length = 0;
  assert.ok(post(Post.publish, `bf.d-x.mail.${NODE}`, `bf.${NODE}.re.1a`, 5));
  assert.ok(post(Post.publish, `bf.d-x.ans.${NODE}`));
  assert.ok(post(Post.publish, `bf.d-x.nobody.${NODE}.counter-1.add`));
  assert.equal(published, [
    { to: `bf.d-x.mail.${NODE}`, size: 5, reply: `bf.${NODE}.re.1a` },
    { to: `bf.d-x.ans.${NODE}`, size: 0, reply: undefined },
    { to: `bf.d-x.nobody.${NODE}.counter-1.add`, size: 0, reply: undefined },
  ]);
});

test("nothing else is", () => {
  published.length = 0;
  const own = `bf.d-x.mail.${NODE}`;
  for (const to of [
    "bf.d-x.mail.d-y",
    `bf.d-x.mail.${NODE}x`,
    `bf.d-x.mail.${NODE}.more`,
    `bf.c-executor-1.call.${NODE}`,
    `bf.d-x.beat`,
    `bf.pool.video.mail.${NODE}`,
    `bf.*.mail.${NODE}`,
    `bf.d-x.nobody.${NODE}.>`,
    `bf.d-x.nobody.${NODE}.a..b`,
    `bf.d-x.nobody.${NODE}.a\r\nPUB other 0\r\n`,
    `bf.d-x.nobody.${NODE}.${"a".repeat(3_000)}`,
    "$SYS.REQ.SERVER.PING",
  ]) {
    assert.not(post(Post.publish, to), to);
  }
  for (const reply of ["bf.d-y.re.1", `bf.${NODE}.re.*`, "elsewhere", `bf.${NODE}.re.1\r\nPING`]) {
    assert.not(post(Post.publish, own, reply), reply);
  }
  assert.not(post(Post.publish, own, "", 1_001), "more than nats-server takes");
  assert.not(post(9, own));
  assert.not(actor.posted(new Uint8Array(3)));
  assert.not(actor.posted(new Uint8Array([Post.publish, 255, 0, 0, 0, 1])), "lengths beyond the bytes");
  assert.equal(published, []);
});

test("it watches nodes, and no more of them than 10,000", () => {
  assert.not(post(Post.watch, "a.b"));
  for (let node = 0; node < 10_000; node++) assert.ok(post(Post.watch, `d-${node}`));
  assert.not(post(Post.watch, "d-one-more"));
  assert.ok(post(Post.unwatch, "d-0"));
  assert.ok(post(Post.watch, "d-one-more"));
});

test.run();
