import { Actor, type AnyRef, type Fire, type Reason, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Counter } from "./actors.ts";

const server = await PrivateServer.start();
const [here, there] = await Promise.all([driverOf(server), driverOf(server)]);

test.after(async () => {
  await closeDrivers();
  await server.close();
});

class Clock extends Actor {
  readonly #ticks: string[] = [];
  #busy = 0;
  #most = 0;
  #cancel: () => void = () => undefined;

  once(delay: number): void {
    this.#cancel = this.after(delay, () => void this.#ticks.push("once"));
  }
  often(period: number): void {
    this.#cancel = this.every(period, async () => {
      this.#most = Math.max(this.#most, ++this.#busy);
      this.#ticks.push("tick");
      await new Promise((resolve) => setTimeout(resolve, period * 3));
      this.#busy--;
    });
  }
  cancel(): void {
    this.#cancel();
  }
  wrong(): void {
    this.after("soon" as never, () => undefined);
  }
  async block(ms: number): Promise<number> {
    const before = this.#ticks.length;
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.#ticks.length - before;
  }
  state(): { ticks: string[]; most: number } {
    return { ticks: this.#ticks, most: this.#most };
  }
}

class Parent extends Actor {
  child(): Promise<Ref<Counter>> {
    return this.spawn(Counter, [5]);
  }
  nest(): Promise<Ref<Parent>> {
    return this.spawn(Parent, []);
  }
  crash(): void {
    this.stop(new Error("parent"));
  }
}

const ended = (ref: AnyRef) => new Promise<Reason>((resolve) => here.monitor(ref, resolve));

guarantee("`this.after` runs its function once, as a message of the actor.", async () => {
  const clock = await here.spawn(Clock, []);
  await clock.once(10);
  assert.is(await clock.block(60), 0, "not inside of another message");
  await until(async () => (await clock.state()).ticks.length === 1);
});

guarantee("`this.every` repeats, and adds no turn to one that waits or runs.", async () => {
  const clock = await here.spawn(Clock, []);
  await clock.often(4);
  await until(async () => (await clock.state()).ticks.length > 4);
  await clock.block(40);
  assert.is((await clock.state()).most, 1);
});

guarantee("Timers can be cancelled, and end with their actor.", async () => {
  const [cancelled, stopped] = [await here.spawn(Clock, []), await here.spawn(Clock, [])];
  for (const clock of [cancelled, stopped]) await clock.once(30);
  await cancelled.cancel();
  const down = ended(stopped);
  await here.stop(stopped);
  assert.is((await down).kind, "normal");
  const later = await here.spawn(Clock, []);
  await later.once(60);
  await until(async () => (await later.state()).ticks.length === 1);
  assert.equal((await cancelled.state()).ticks, []);
});

guarantee("A delay that is no duration is refused at the call.", async () => {
  assert.is(await codeOf((await here.spawn(Clock, [])).wrong()), "INVALID_OPTION");
});

guarantee("`this.spawn` starts a child in the actor's own process.", async () => {
  const parent = here.ref<Parent>((await there.spawn(Parent, [])).address);
  const child = await parent.child();
  assert.is(await child.add(1), 6);
  assert.ok(child.address.startsWith(there.id));
});

guarantee("Children end with their parent, and theirs with them.", async () => {
  const parent = await here.spawn(Parent, []);
  const nested = await parent.nest();
  const leaf = await nested.child();
  const down = ended(leaf);
  await here.stop(parent);
  assert.is((await down).kind, "normal");
  assert.is(await codeOf(leaf.peek()), "NO_SUCH_ACTOR");
});

guarantee(
  "Children of an actor that fails are stopped, and those of one that is killed are killed.",
  async () => {
    const [failing, killed] = [await here.spawn(Parent, []), await here.spawn(Parent, [])];
    const [one, two] = [ended(await failing.child()), ended(await killed.child())];
    await failing.crash();
    await here.kill(killed);
    assert.equal([(await one).kind, (await two).kind], ["normal", "killed"]);
  },
);

guarantee("A child that ends leaves its parent alone.", async () => {
  const parent = await here.spawn(Parent, []);
  await here.kill(await parent.child());
  assert.is(await (await parent.child()).peek(), 5);
});

guarantee("Outside of a message `this.sender` is the actor's own process.", async () => {
  const who = Promise.withResolvers<string>();
  class Asker extends Actor {
    override onStart(): void {
      who.resolve(this.sender);
    }
  }
  await here.spawn(Asker, []);
  assert.is(await who.promise, here.id);
});

guarantee(
  "`fire.inspect()` shows each actor's type, address, state, mailbox, handled messages, age, restarts and monitors.",
  async () => {
    const ref = await here.spawn(Counter, []);
    await ref.add(1);
    const found = here.inspect().actors.find(({ address }) => address === ref.address);
    const { ageMs, ...rest } = found as NonNullable<typeof found>;
    assert.equal(rest, {
      type: "Counter",
      address: ref.address,
      state: "running",
      mailbox: 0,
      atDoor: 0,
      handled: 1,
      restarts: 0,
      monitors: 0,
    });
    assert.type(ageMs, "number");
  },
);

guarantee("`fire.inspect()` shows the runtime's own actors too.", async () => {
  await here.supervise({ name: "shown" }, {});
  await using _pool = await here.pool("shown", { min: 1 });
  const types = new Set(here.inspect().actors.map(({ type }) => type));
  for (const type of ["Driver", "PresenceActor", "Supervisor", "PoolClient", "Supervision"]) {
    assert.ok(types.has(type), type);
  }
});

guarantee(
  "Other processes see the same by `inspect()` of its actor `driver`, and of an executor's `agent`.",
  async () => {
    const counter = await there.spawn(Counter, []);
    const driver = here.ref<Inspected>(`${there.id}/driver`);
    const { id, actors } = await driver.inspect();
    assert.is(id, there.id);
    assert.ok(actors.some(({ address }) => address === counter.address));

    await using pool = await here.pool("seen", { min: 1 });
    const executor = await pool.call(() => 1).then(() => pool.inspect().cells[0]?.executor);
    const agent = await there.ref<Inspected>(`${executor}/agent`).inspect();
    assert.equal(
      new Set(agent.actors.map(({ type }) => type)),
      new Set(["PresenceActor", "Agent", "Keeper"]),
    );
  },
);

class Inspected extends Actor {
  inspect(): ReturnType<Fire["inspect"]> {
    throw new Error("only for its type");
  }
}

test.run();
