import { Actor, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Counter, Gate } from "./actors.ts";

const server = await PrivateServer.start();
const [here, there] = await Promise.all([driverOf(server), driverOf(server)]);

test.after(async () => {
  await closeDrivers();
  await server.close();
});

async function gateThere(options = {}): Promise<Ref<Gate>> {
  return here.ref<Gate>((await there.spawn(Gate, [], options)).address);
}

/** A gate whose mailbox is empty and whose method is under way. */
async function heldGate(options = {}): Promise<{ gate: Ref<Gate>; held: Promise<void> }> {
  const gate = await gateThere(options);
  const held = gate.hold();
  await until(async () => (await gate.peek()).holding);
  return { gate, held };
}

const depth = (gate: Ref<Gate>) => actorOf(gate).mailbox;

function actorOf(ref: { address: string }) {
  const found = there.inspect().actors.find(({ address }) => address === ref.address);
  if (!found) throw new Error(`${ref.address} is not there`);
  return found;
}

guarantee("An actor handles one message at a time, also while a method awaits.", async () => {
  const ref = here.ref<Counter>((await there.spawn(Counter, [])).address);
  assert.equal(await Promise.all([1, 1, 1, 1].map((n) => ref.addSlowly(n))), [1, 2, 3, 4]);
});

guarantee(
  "Messages of one process to one actor are handled in the order in which they were sent.",
  async () => {
    const gate = await gateThere();
    const sent = Array.from({ length: 500 }, (_, n) => n);
    const asked = sent.map((n) => (n % 3 === 0 ? gate.pass(n) : void gate.tell.pass(n)));
    await Promise.all(asked);
    await gate.pass("last");
    assert.equal((await gate.peek()).passed, [...sent, "last"]);
  },
);

guarantee("That order also holds within one process.", async () => {
  const gate = await here.spawn(Gate, []);
  const sent = Array.from({ length: 500 }, (_, n) => n);
  for (const n of sent) gate.tell.pass(n);
  await gate.pass("last");
  assert.equal((await gate.peek()).passed, [...sent, "last"]);
});

guarantee(
  "A method named in `static reentrant` runs on arrival, also while another method awaits.",
  async () => {
    const { gate, held } = await heldGate();
    assert.equal((await gate.peek()).holding, true);
    await gate.release();
    await held;
  },
);

guarantee("A reentrant method overtakes what waits, and is not delayed by a full mailbox.", async () => {
  const { gate, held } = await heldGate({ maxMailbox: 1 });
  const waiting = gate.pass("waits");
  assert.equal((await gate.peek()).passed, []);
  await gate.release();
  await Promise.all([held, waiting]);
});

guarantee(
  "Two actors that ask each other's reentrant methods do not wait for each other for ever.",
  async () => {
    const [one, two] = [await here.spawn(Pair, []), await there.spawn(Pair, [])];
    assert.is(await one.askBack(two, one), 7);
  },
);

guarantee("Two actors that ask each other's other methods wait until the deadline.", async () => {
  const [one, two] = [await here.spawn(Pair, []), await there.spawn(Pair, [])];
  assert.is(await codeOf(one.with({ deadline: 100 }).askInCircles(two, one)), "ASK_TIMEOUT");
});

guarantee("Without `maxMailbox` any number of messages may wait.", async () => {
  const { gate, held } = await heldGate();
  const waiting = Array.from({ length: 5_000 }, (_, n) => gate.pass(n));
  await until(() => depth(gate) === 5_000);
  await gate.release();
  await Promise.all([held, ...waiting]);
});

guarantee("`fire.inspect()` shows how many messages wait for an actor.", async () => {
  const { gate, held } = await heldGate();
  const waiting = [1, 2, 3].map((n) => gate.pass(n));
  await until(() => depth(gate) === 3);
  await gate.release();
  await Promise.all([held, ...waiting]);
  assert.is(depth(gate), 0);
});

guarantee("With policy `fail`, an ask to a full mailbox fails at once with MAILBOX_FULL.", async () => {
  const { gate, held } = await heldGate({ maxMailbox: 2 });
  const fit = [gate.pass(1), gate.pass(2)];
  assert.is(await codeOf(gate.pass(3)), "MAILBOX_FULL");
  await gate.release();
  await Promise.all([held, ...fit]);
  assert.equal((await gate.peek()).passed, [1, 2]);
});

guarantee("With policy `fail`, a tell to a full mailbox is a dead letter.", async () => {
  const { gate, held } = await heldGate({ maxMailbox: 1 });
  const letters: unknown[] = [];
  const stop = there.on("deadLetter", ({ error }) => letters.push((error as { code: string }).code));
  gate.tell.pass(1);
  gate.tell.pass(2);
  await until(() => letters.length > 0);
  assert.equal(letters, ["MAILBOX_FULL"]);
  stop();
  await gate.release();
  await held;
});

guarantee(
  "With policy `drop-oldest`, the message that has waited longest gives way and fails with MAILBOX_FULL.",
  async () => {
    const { gate, held } = await heldGate({ maxMailbox: 2, mailboxPolicy: "drop-oldest" });
    const [oldest, second, newest] = [gate.pass(1), gate.pass(2), gate.pass(3)] as const;
    assert.is(await codeOf(oldest), "MAILBOX_FULL");
    await gate.release();
    await Promise.all([held, second, newest]);
    assert.equal((await gate.peek()).passed, [2, 3]);
  },
);

guarantee(
  "With policy `block`, asks beyond the limit wait at the door and are handled in order.",
  async () => {
    const { gate, held } = await heldGate({ maxMailbox: 2, mailboxPolicy: "block" });
    const waiting = [1, 2, 3, 4, 5].map((n) => gate.pass(n));
    await until(() => actorOf(gate).atDoor === 3);
    assert.is(depth(gate), 2);
    await gate.release();
    await Promise.all([held, ...waiting]);
    assert.equal((await gate.peek()).passed, [1, 2, 3, 4, 5]);
  },
);

guarantee(
  "With policy `block`, a tell beyond the limit is a dead letter, as nobody waits for it.",
  async () => {
    const { gate, held } = await heldGate({ maxMailbox: 1, mailboxPolicy: "block" });
    const letters: unknown[] = [];
    const stop = there.on("deadLetter", ({ error }) => letters.push((error as { code: string }).code));
    const waiting = gate.pass(1);
    gate.tell.pass(2);
    await until(() => letters.length > 0);
    assert.equal(letters, ["MAILBOX_FULL"]);
    stop();
    await gate.release();
    await Promise.all([held, waiting]);
  },
);

guarantee("An ask at the door fails with ASK_TIMEOUT at its deadline, and is never handled.", async () => {
  const { gate, held } = await heldGate({ maxMailbox: 1, mailboxPolicy: "block" });
  const waiting = gate.pass(1);
  assert.is(await codeOf(gate.with({ deadline: 60 }).pass(2)), "ASK_TIMEOUT");
  await gate.release();
  await Promise.all([held, waiting]);
  assert.equal((await gate.peek()).passed, [1]);
});

guarantee("A cancelled message makes room at once.", async () => {
  const { gate, held } = await heldGate({ maxMailbox: 1 });
  const abort = new AbortController();
  const cancelled = gate.with({ signal: abort.signal }).pass(1);
  await until(() => depth(gate) === 1);
  abort.abort(new RangeError("enough"));
  assert.is(await codeOf(cancelled), "RangeError");
  await until(() => depth(gate) === 0);
  const next = gate.pass(2);
  await gate.release();
  await Promise.all([held, next]);
});

/** Asks another one that asks back. */
class Pair extends Actor {
  static readonly reentrant = ["seven"] as const;
  seven(): number {
    return 7;
  }
  six(): number {
    return 6;
  }
  askBack(other: Ref<Pair>, me: Ref<Pair>): Promise<number> {
    return other.relay(me);
  }
  relay(to: Ref<Pair>): Promise<number> {
    return to.seven();
  }
  askInCircles(other: Ref<Pair>, me: Ref<Pair>): Promise<number> {
    return other.relayToOther(me);
  }
  relayToOther(to: Ref<Pair>): Promise<number> {
    return to.with({ deadline: 300 }).six();
  }
}

test.run();
