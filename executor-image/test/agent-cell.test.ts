import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bus, PrivateServer, Question, resolveTiming, subject } from "@bonfire/runtime/internal";
import {
  type BonfireError,
  callFrame,
  decode,
  FrameKind,
  HEADER_BYTES,
  pack,
  ReplyKind,
} from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Cell } from "../dist/cell/cell.js";
import { Outbox } from "../dist/cell/outbox.js";
import { SentReplies } from "../dist/cell/sent-replies.js";

const CODE = `() => ({ sites: [() => (ms) => new Promise((done) => setTimeout(done, ms, "ran"))], classes: {} })`;
const BUNDLE = 1;
const NOTHING = new Uint8Array(0);
const server = await PrivateServer.start();
const driver = await Bus.connect(server.address, "d-one");

class Asked extends Question {
  readonly outcome = Promise.withResolvers<string>();
  onReply(data: Uint8Array): void {
    if (data.length === 0) return this.outcome.resolve("done");
    const value = decode(data.slice(1));
    this.outcome.resolve(data[0] === ReplyKind.error ? (value as BonfireError).code : String(value));
  }
  onNobody(): void {
    this.outcome.resolve("nobody");
  }
  onExpire(): void {
    this.outcome.resolve("expired");
  }
}

/** A cell in this process, with the bundle loaded. */
async function startCell(node: string) {
  const workdir = mkdtempSync(join(tmpdir(), "bonfire-test-"));
  const start = {
    node,
    nats: server.address,
    realm: "process" as const,
    grants: {},
    timing: resolveTiming(),
    memoryMb: 64,
    directory: import.meta.dirname,
    workdir,
  };
  const cell = await Cell.start(start, () => {});
  await cell.serve(driver.node);
  const to = subject.call(node, driver.node);
  const send = (kind: number, id: number, body: Uint8Array): Promise<string> => {
    const frame = callFrame({ kind, flags: 0, site: 0, bundle: BUNDLE, budget: 0, id }, NOTHING, NOTHING);
    const question = new Asked();
    driver.ask(to, Buffer.concat([frame.subarray(0, HEADER_BYTES), body]), question, 5_000);
    return question.outcome.promise;
  };
  void send(FrameKind.load, 0, pack(["0123456789abcdef", CODE]));
  return {
    cell,
    send,
    async [Symbol.asyncDispose]() {
      await cell.close();
      rmSync(workdir, { recursive: true });
    },
  };
}

const noCaptures = new Uint8Array(4);

test.after(async () => {
  await driver.close();
  await server.close();
});

test("a call that is cancelled while its body is on its way is answered at once", async () => {
  await using cell = await startCell("c-cancel");
  const call = cell.send(FrameKind.callByTransfer, 7, pack([999, 1_000]));
  const cancelled = cell.send(FrameKind.cancel, 7, pack("no longer wanted"));
  assert.is(await call, "CALL_CANCELLED");
  assert.is(await cancelled, "done");
});

test("frames that are none harm no call beside them", async () => {
  await using cell = await startCell("c-garbage");
  driver.publish(subject.call("c-garbage", driver.node), new Uint8Array([1, 2, 3]));
  void cell.send(FrameKind.cancel, 1, new Uint8Array([0x92]));
  void cell.send(FrameKind.load, 0, new Uint8Array([0x01]));
  assert.is(await cell.send(FrameKind.call, 2, noCaptures), "ran");
});

test("a draining cell finishes what runs, and declines what came later so that it can run elsewhere", async () => {
  await using cell = await startCell("c-drains");
  const runs = cell.send(FrameKind.call, 1, noCaptures);
  await driver.flush();
  const tooLong = cell.send(FrameKind.callByTransfer, 2, pack([998, 1_000]));
  await cell.send(FrameKind.cancel, 99, pack("only to wait until the calls have arrived"));
  const drained = cell.cell.drained();
  const late = cell.send(FrameKind.call, 3, noCaptures);
  assert.is(await cell.send(FrameKind.cancel, 2, pack("ends the last")), "done");
  assert.is(await runs, "ran");
  assert.is(await tooLong, "CALL_CANCELLED");
  await drained;
  assert.is(await late, "nobody");
});

test("of sent replies the newest are kept, of bounded number and size", () => {
  const sent = new SentReplies();
  const kept = (...ids: number[]) => ids.filter((id) => sent.get(id) !== undefined);
  for (let id = 0; id < 1_001; id++) sent.add(id, `${id}`, new Uint8Array(1));
  assert.equal(kept(0, 1, 1_000), [1, 1_000]);
  for (let id = 0; id < 5; id++) sent.add(id, "large", new Uint8Array(1024 * 1024));
  assert.equal(kept(0, 1, 2, 3, 4, 1_000), [1, 2, 3, 4]);
  sent.add(1, "again", new Uint8Array(1024 * 1024));
  assert.is(sent.get(1)?.answerTo, "again");
  assert.equal(kept(1, 2, 3, 4), [1, 2, 3, 4]);
});

test("the outbox keeps the newest replies, of bounded number and size", () => {
  const outbox = new Outbox();
  const reply = (n: number, bytes: number) => ({
    id: n,
    answerTo: `${n}`,
    kind: ReplyKind.value,
    bytes: new Uint8Array(bytes),
  });
  for (let n = 0; n < 1_001; n++) outbox.keep(reply(n, 1));
  assert.is(outbox.size, 1_000);
  assert.is(outbox.take()[0]?.answerTo, "1");
  for (let n = 0; n < 5; n++) outbox.keep(reply(n, 20 * 1024 * 1024));
  assert.equal(
    outbox.take().map(({ answerTo }) => answerTo),
    ["2", "3", "4"],
  );
});

test.run();
