import { unsubscribe as offChannel, subscribe as onChannel } from "node:diagnostics_channel";
import { once } from "node:events";
import { Bus, PrivateServer, Question, subject } from "@bonfire/runtime/internal";
import { pack, unpack } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../../test/harness/nats.ts";

const server = await PrivateServer.start();
const [a, b] = await Promise.all([Bus.connect(server.address, "d-a"), Bus.connect(server.address, "c-b")]);

class Heard extends Question {
  readonly outcome = Promise.withResolvers<string>();
  onReply(data: Uint8Array): void {
    this.outcome.resolve(`reply ${[...data]}`);
  }
  onNobody(): void {
    this.outcome.resolve("nobody");
  }
  onExpire(): void {
    this.outcome.resolve("expired");
  }
}

test.after(async () => {
  await a.close();
  await b.close();
  await server.close();
});

test("a question is answered through the asker's own inbox", async () => {
  b.subscribe(subject.ping("c-b"), (message) => message.respond(message.data));
  await b.flush();
  const heard = new Heard();
  a.ask(subject.ping("c-b"), new Uint8Array([1, 2]), heard, 5_000);
  assert.is(await heard.outcome.promise, "reply 1,2");
  assert.is(a.waiting, 0);
});

test("asking where nobody listens is told at once, long before the deadline", async () => {
  const heard = new Heard();
  a.ask(subject.ping("c-nobody"), new Uint8Array(0), heard, 60_000);
  assert.is(await heard.outcome.promise, "nobody");
});

test("a question that nobody answers expires, and a late answer is dropped", async () => {
  const late = Promise.withResolvers<() => void>();
  b.subscribe(subject.ping("c-late"), (message) => late.resolve(() => message.respond(new Uint8Array([9]))));
  await b.flush();
  const heard = new Heard();
  a.ask(subject.ping("c-late"), new Uint8Array(0), heard, 60);
  assert.is(await heard.outcome.promise, "expired");
  (await late.promise)();
  await b.flush();
  await a.flush();
  assert.is(a.waiting, 0);
});

test("100 MB cross as a transfer, byte for byte, both ways at once", async () => {
  const bytes = new Uint8Array(100_000_000);
  for (let i = 0; i < bytes.length; i += 4_093) bytes[i] = i % 251;
  const there = await a.transfers();
  const here = await b.transfers();
  const carry = async (from: typeof there, to: typeof there, sender: string, receiver: string) => {
    const { id, total, sent } = from.offer(receiver, [bytes.subarray(0, 7), bytes.subarray(7)]);
    const received = await to.accept(sender, id, total);
    await sent;
    return received;
  };
  const both = await Promise.all([carry(there, here, "d-a", "c-b"), carry(here, there, "c-b", "d-a")]);
  for (const received of both) assert.is(Buffer.compare(received, bytes), 0);
});

test("an empty byte string is a transfer too", async () => {
  const { id, total, sent } = (await a.transfers()).offer("c-b", [new Uint8Array(0)]);
  assert.is((await (await b.transfers()).accept("d-a", id, total)).length, 0);
  await sent;
});

test("a transfer with a node that is gone fails on both ends at once", async () => {
  const there = await a.transfers();
  const here = await b.transfers();
  const { sent } = there.offer("c-gone", [new Uint8Array(10)]);
  const received = here.accept("d-gone", 1, 10);
  there.peerGone("c-gone");
  here.peerGone("d-gone");
  const failures = await Promise.allSettled([sent, received]);
  for (const failure of failures) {
    assert.is(failure.status, "rejected");
    assert.is((failure as PromiseRejectedResult).reason.code, "TRANSFER_FAILED");
  }
});

test("sending on a closed bus fails with what is wrong, instead of vanishing", async () => {
  const bus = await Bus.connect(server.address, "d-closed");
  await bus.close();
  await bus.close();
  assert.throws(() => bus.publish("x", new Uint8Array(0)), /connection to NATS is closed/);
});

test("a wrong password and an absent server are told apart, and no credential is repeated", async () => {
  const wrong = { ...server.address, password: "not-the-password" };
  const refused = await Bus.connect(wrong, "d-x").catch((error) => error);
  assert.is(refused.code, "NATS_REFUSED");
  assert.not.match(refused.message, /not-the-password/);
  const absent = await Bus.connect({ servers: ["nats://127.0.0.1:1"] }, "d-x").catch((error) => error);
  assert.is(absent.code, "NATS_UNREACHABLE");
  assert.match(absent.message, /127\.0\.0\.1:1.*NATS_URL/);
});

test("a receiver that throws does not stop what else the connection receives, and its error surfaces", async () => {
  const heard = Promise.withResolvers<string>();
  a.subscribe("x.throws", () => {
    throw new Error("a listener failed");
  });
  a.subscribe("x.after", (message) => heard.resolve(message.string()));
  await a.flush();
  const surfaced = once(process, "uncaughtException");
  b.publish("x.throws", pack(["readable"]));
  b.publish("x.after", new TextEncoder().encode("still here"));
  assert.match((await surfaced)[0].message, /a listener failed/);
  assert.is(await heard.promise, "still here");
});

test("a message that cannot be read is a dead letter and harms nobody", async () => {
  const letter = Promise.withResolvers<{ to: string }>();
  const listen = (message: unknown) => letter.resolve(message as { to: string });
  onChannel("bonfire:dead-letter", listen);
  a.subscribe("x.packed", (message) => void (unpack(message.data) as unknown[]).length);
  await a.flush();
  b.publish("x.packed", new Uint8Array([0xc1, 0xff]));
  assert.is((await letter.promise).to, "x.packed");
  offChannel("bonfire:dead-letter", listen);
});

test("an answer that cannot be read ends its question like none", async () => {
  class Reading extends Heard {
    override onReply(data: Uint8Array): void {
      unpack(data);
      super.onReply(data);
    }
  }
  b.subscribe(subject.ping("c-garbage"), (message) => message.respond(new Uint8Array([0x92])));
  await b.flush();
  const heard = new Reading();
  a.ask(subject.ping("c-garbage"), new Uint8Array(0), heard, 60_000);
  assert.is(await heard.outcome.promise, "expired");
});

test("expired questions leave nothing behind, and what is said to them later is dropped", async () => {
  const late: (() => void)[] = [];
  b.subscribe(subject.ping("c-slow"), (message) => late.push(() => message.respond(new Uint8Array([1]))));
  await b.flush();
  const questions = Array.from({ length: 100 }, () => new Heard());
  for (const question of questions) a.ask(subject.ping("c-slow"), new Uint8Array(0), question, 50);
  const outcomes = await Promise.all(questions.map(({ outcome }) => outcome.promise));
  assert.ok(outcomes.every((outcome) => outcome === "expired"));
  assert.is(a.waiting, 0);
  let answered = 0;
  for (const question of questions) question.onReply = () => void answered++;
  for (const answer of late) answer();
  await b.flush();
  await a.flush();
  assert.is(late.length, 100);
  assert.is(answered, 0);
});

test("closing a bus tells the questions that still wait that nobody will answer", async () => {
  const bus = await Bus.connect(server.address, "d-leaving");
  b.subscribe(subject.ping("c-mute"), () => {});
  await b.flush();
  const heard = new Heard();
  bus.ask(subject.ping("c-mute"), new Uint8Array(0), heard, 600_000);
  await bus.flush();
  await bus.close();
  assert.is(await heard.outcome.promise, "nobody");
  assert.is(bus.waiting, 0);
});

test("a bulk connection that failed is opened anew at the next need, and does not fail the closing", async () => {
  await using own = await NatsServer.start();
  const bus = await Bus.connect({ servers: [own.url] }, "d-bulk");
  await own.kill();
  const error = await bus.transfers().catch((thrown) => thrown);
  assert.is(error.code, "NATS_UNREACHABLE");
  assert.not(bus.hasBulk);
  const back = new Promise<void>((resolve) => bus.onReconnect(resolve));
  await own.restart();
  await back;
  const transfers = await bus.transfers();
  assert.ok(bus.hasBulk);
  await own.kill();
  await bus.close();
  for (const promise of [transfers.offer("c-b", [new Uint8Array(1)]).sent, transfers.accept("c-b", 1, 1)]) {
    assert.is((await promise.catch((thrown) => thrown)).code, "TRANSFER_FAILED");
  }
});

test("a declined message is told to its asker as if nobody listened", async () => {
  b.subscribe(subject.ping("c-declines"), (message) => b.decline(message.reply as string));
  await b.flush();
  const heard = new Heard();
  a.ask(subject.ping("c-declines"), new Uint8Array(0), heard, 60_000);
  assert.is(await heard.outcome.promise, "nobody");
});

test.run();
