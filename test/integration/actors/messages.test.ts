import { Actor, type DeadLetter, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Counter, Gate } from "./actors.ts";

const server = await PrivateServer.start();
const [here, there] = await Promise.all([driverOf(server), driverOf(server)]);
const letters: DeadLetter[] = [];
for (const fire of [here, there]) fire.on("deadLetter", (letter) => letters.push(letter));

test.after(async () => {
  await closeDrivers();
  await server.close();
});

/** An actor of another node of the cluster, as this node sees it. */
async function counterThere(): Promise<Ref<Counter>> {
  return here.ref<Counter>((await there.spawn(Counter, [])).address);
}

guarantee("An ask runs the method where the actor lives and resolves to what it returns.", async () => {
  assert.is(await (await counterThere()).add(2), 2);
});

guarantee("An actor of the same process is asked in the same way, without NATS.", async () => {
  const ref = await here.spawn(Counter, [40]);
  assert.is(await ref.add(2), 42);
});

guarantee("Arguments and results are copies, in the same process too.", async () => {
  const ref = await here.spawn(Counter, []);
  const value = { list: [1] };
  await ref.note(value);
  value.list.push(2);
  const [seen] = (await ref.seen()) as [{ list: number[] }];
  assert.equal(seen, { list: [1] });
});

guarantee("Values keep their types: maps, dates, typed arrays, bigints, errors, cycles.", async () => {
  const ref = await counterThere();
  const cycle: Record<string, unknown> = {
    map: new Map([["a", new Date(5)]]),
    big: 5n,
    bytes: new Uint8Array(2),
  };
  cycle.self = cycle;
  const back = (await ref.echo(cycle)) as typeof cycle;
  assert.is(back.self, back);
  assert.equal((back.map as Map<string, Date>).get("a"), new Date(5));
  assert.is(back.big, 5n);
  assert.instance(back.bytes, Uint8Array);
});

guarantee("An argument that cannot travel is refused at the call, and nothing is sent.", async () => {
  const ref = await counterThere();
  assert.throws(
    () => ref.note(() => 1),
    (error: { code: string }) => error.code === "VALUE_REFUSED",
  );
  assert.equal(await ref.seen(), []);
});

guarantee(
  "A result that cannot travel rejects its ask with VALUE_REFUSED, and the actor lives on.",
  async () => {
    const ref = await counterThere();
    assert.is(await codeOf(ref.unsendable()), "VALUE_REFUSED");
    assert.is(await ref.add(1), 1);
  },
);

guarantee(
  "What a method throws rejects its ask, with class, message, code, properties and stack.",
  async () => {
    const ref = await counterThere();
    const error = (await ref.fail().catch((thrown: unknown) => thrown)) as TypeError &
      Record<string, unknown>;
    assert.instance(error, TypeError);
    assert.is(error.message, "no");
    assert.is(error.code, "E_NO");
    assert.equal(error.detail, [1]);
    assert.match(error.stack as string, /actors\.ts/);
  },
);

guarantee("An actor outlives what its methods throw into asks.", async () => {
  const ref = await counterThere();
  await codeOf(ref.fail());
  assert.is(await ref.add(3), 3);
});

guarantee("A tell is handled without an answer, before a later ask of the same sender.", async () => {
  const ref = await counterThere();
  ref.tell.add(40);
  assert.is(await ref.add(2), 42);
});

guarantee(
  "A tell that throws ends its actor with that error, as nobody else would learn of it.",
  async () => {
    const ref = await counterThere();
    const down = new Promise<unknown>((resolve) => here.monitor(ref, resolve));
    await ref.peek();
    ref.tell.fail();
    const reason = (await down) as { kind: string; error: Error };
    assert.is(reason.kind, "error");
    assert.is(reason.error.message, "no");
  },
);

guarantee("Only public methods can be called: no fields, getters, hooks or methods of Object.", async () => {
  const ref = (await counterThere()) as unknown as Record<string, () => Promise<unknown>>;
  for (const name of ["field", "getter", "onStart", "onStop", "toLocaleString", "spawn", "self", "absent"]) {
    assert.is(await codeOf((ref[name] as () => Promise<unknown>)()), "NO_SUCH_METHOD", name);
  }
});

guarantee(
  "A method that does not exist rejects an ask with NO_SUCH_METHOD and does not end the actor.",
  async () => {
    const ref = await counterThere();
    const absent = ref as unknown as { tell: { absent(): void }; absent(): Promise<void> };
    absent.tell.absent();
    assert.is(await codeOf(absent.absent()), "NO_SUCH_METHOD");
    assert.is(await ref.add(1), 1);
  },
);

guarantee("`this.sender` is the id of the process that sent the message.", async () => {
  assert.is(await (await counterThere()).whoAsks(), here.id);
});

guarantee("Asking an actor that never ran fails at once with NO_SUCH_ACTOR.", async () => {
  const start = performance.now();
  assert.is(await codeOf(here.ref<Counter>(`${there.id}/ghost`).add(1)), "NO_SUCH_ACTOR");
  assert.ok(performance.now() - start < 5_000);
});

guarantee("Asking an actor of a process that never was fails at once with NO_SUCH_ACTOR.", async () => {
  const start = performance.now();
  assert.is(await codeOf(here.ref<Counter>("d-nowhere/counter-1").add(1)), "NO_SUCH_ACTOR");
  assert.ok(performance.now() - start < 5_000);
});

guarantee("Asking an actor that has ended fails at once with NO_SUCH_ACTOR.", async () => {
  const ref = await counterThere();
  await here.stop(ref);
  const start = performance.now();
  assert.is(await codeOf(ref.add(1)), "NO_SUCH_ACTOR");
  assert.ok(performance.now() - start < 5_000);
});

guarantee(
  "Asks that wait in the mailbox of an actor that ends fail at once with NO_SUCH_ACTOR.",
  async () => {
    const gate = here.ref<Gate>((await there.spawn(Gate, [])).address);
    const held = gate.hold();
    held.catch(() => "it is killed with the actor");
    const waiting = gate.pass(1);
    waiting.catch(() => "awaited below");
    await until(async () => (await gate.peek()).holding);
    await here.kill(gate);
    assert.is(await codeOf(waiting), "NO_SUCH_ACTOR");
  },
);

guarantee("The ask that an actor handles when it is killed fails at once with ACTOR_KILLED.", async () => {
  const ref = await counterThere();
  const hanging = ref.hang();
  hanging.catch(() => "awaited below");
  await ref.peek();
  await here.kill(ref);
  assert.is(await codeOf(hanging), "ACTOR_KILLED");
});

guarantee("An ask without a deadline has one of 10 s.", async () => {
  const ref = await counterThere();
  const start = performance.now();
  assert.is(await codeOf(ref.hang()), "ASK_TIMEOUT");
  const took = performance.now() - start;
  assert.ok(took > 9_900 && took < 15_000, `took ${took} ms`);
});

guarantee("A deadline rejects its ask with ASK_TIMEOUT when it is over.", async () => {
  const start = performance.now();
  for (const ref of [await counterThere(), await here.spawn(Counter, [])]) {
    assert.is(await codeOf(ref.with({ deadline: 100 }).hang()), "ASK_TIMEOUT");
  }
  assert.ok(performance.now() - start < 5_000);
});

guarantee("An ask whose deadline is over before its turn is never handled.", async () => {
  for (const ref of [here.ref<Gate>((await there.spawn(Gate, [])).address), await here.spawn(Gate, [])]) {
    const held = ref.hold();
    assert.is(await codeOf(ref.with({ deadline: 60 }).pass("late")), "ASK_TIMEOUT");
    await ref.release();
    await held;
    await ref.pass("in time");
    assert.equal((await ref.peek()).passed, ["in time"]);
  }
});

guarantee("`this.signal` is aborted when the deadline of the running ask is over.", async () => {
  const ref = await counterThere();
  assert.is(await codeOf(ref.with({ deadline: 60 }).wait()), "ASK_TIMEOUT");
  assert.is(await ref.add(1), 1, "the method has ended");
});

guarantee("A signal rejects its ask at once, with the signal's reason.", async () => {
  for (const ref of [await counterThere(), await here.spawn(Counter, [])]) {
    const abort = new AbortController();
    const asked = ref.with({ signal: abort.signal }).hang();
    abort.abort(new RangeError("enough"));
    assert.is(await codeOf(asked), "RangeError");
  }
});

guarantee("An ask with a signal that is aborted already is not sent.", async () => {
  const ref = await counterThere();
  assert.is(await codeOf(ref.with({ signal: AbortSignal.abort(new RangeError("no")) }).add(1)), "RangeError");
  assert.is(await ref.peek(), 0);
});

guarantee("A cancelled ask that still waits is taken from the mailbox and never handled.", async () => {
  for (const ref of [here.ref<Gate>((await there.spawn(Gate, [])).address), await here.spawn(Gate, [])]) {
    const abort = new AbortController();
    const held = ref.hold();
    const waiting = ref.with({ signal: abort.signal }).pass("cancelled");
    waiting.catch(() => "awaited below");
    await ref.peek();
    abort.abort();
    await codeOf(waiting);
    await ref.release();
    await held;
    assert.equal((await ref.peek()).passed, []);
  }
});

guarantee("A running method sees in `this.signal` that its asker has cancelled.", async () => {
  for (const ref of [await counterThere(), await here.spawn(Counter, [])]) {
    const abort = new AbortController();
    const waiting = ref.with({ signal: abort.signal }).wait();
    waiting.catch(() => "awaited below");
    await ref.peek();
    abort.abort();
    await codeOf(waiting);
    assert.is(await ref.add(1), 1, "the method has ended");
  }
});

guarantee("A tell to an actor that is gone is a dead letter in the actor's process.", async () => {
  const ref = await counterThere();
  await here.stop(ref);
  letters.length = 0;
  ref.tell.add(1);
  await until(() => letters.length > 0);
  assert.is(letters.length, 1);
  const [{ to, method, sender, error }] = letters as [DeadLetter];
  assert.match(to, there.id);
  assert.equal([method, sender, (error as { code: string }).code], ["add", here.id, "NO_SUCH_ACTOR"]);
});

guarantee("A tell to a process that is gone is a dead letter in the sender's.", async () => {
  letters.length = 0;
  here.ref<Counter>("d-nowhere/counter-1").tell.add(1);
  await until(() => letters.length > 0);
  assert.equal([letters.length, letters[0]?.sender, letters[0]?.method], [1, here.id, "add"]);
});

guarantee(
  "A message or an answer above the server's max_payload goes in parts, and keeps its place in the order.",
  async () => {
    const keeper = here.ref<Keeper>((await there.spawn(Keeper, [])).address);
    const large = new Uint8Array(5_000_000).map((_, index) => index % 251);
    keeper.tell.keep(new Uint8Array([1]));
    keeper.tell.keep(large);
    const kept = keeper.keep(new Uint8Array([2]));
    keeper.tell.keep(new Uint8Array([3]));
    assert.is(await kept, 3);
    assert.equal(await keeper.sizes(), [1, 5_000_000, 1, 1]);
    assert.ok(Buffer.from(large).equals(Buffer.from(await keeper.get(1))));
  },
);

guarantee(
  "One above 16 MB is refused with MESSAGE_TOO_LARGE, and an item of a stream above max_payload.",
  async () => {
    const keeper = here.ref<Keeper>((await there.spawn(Keeper, [])).address);
    assert.is(await codeOf(keeper.keep(new Uint8Array(17_000_000))), "MESSAGE_TOO_LARGE");
    await keeper.keep(new Uint8Array(10_000_000));
    await keeper.keep(new Uint8Array(10_000_000));
    assert.is(await codeOf(keeper.all()), "MESSAGE_TOO_LARGE");
    assert.is(await codeOf(keeper.stream()[Symbol.asyncIterator]().next()), "MESSAGE_TOO_LARGE");
  },
);

class Keeper extends Actor {
  #kept: Uint8Array[] = [];

  keep(bytes: Uint8Array): number {
    return this.#kept.push(bytes);
  }

  sizes(): number[] {
    return this.#kept.map(({ length }) => length);
  }

  get(at: number): Uint8Array {
    return this.#kept[at] as Uint8Array;
  }

  all(): Uint8Array[] {
    return this.#kept;
  }

  async *stream() {
    yield* this.#kept;
  }
}

test.run();
