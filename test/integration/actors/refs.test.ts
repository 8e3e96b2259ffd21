import { inspect } from "node:util";
import { Actor, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf } from "../../harness/outcome.ts";
import { Counter } from "./actors.ts";

const server = await PrivateServer.start();
const [here, there] = await Promise.all([driverOf(server), driverOf(server)]);

test.after(async () => {
  await closeDrivers();
  await server.close();
});

class Holder extends Actor {
  #kept: Ref<Counter> | undefined;
  keep(ref: Ref<Counter>): void {
    this.#kept = ref;
  }
  kept(): Ref<Counter> | undefined {
    return this.#kept;
  }
  nested(): { list: Ref<Counter>[]; map: Map<string, Ref<Counter>> } {
    const kept = this.#kept as Ref<Counter>;
    return { list: [kept, kept], map: new Map([["kept", kept]]) };
  }
  addToKept(n: number): Promise<number> {
    return (this.#kept as Ref<Counter>).add(n);
  }
}

async function both(): Promise<{ counter: Ref<Counter>; holder: Ref<Holder> }> {
  const counter = await here.spawn(Counter, []);
  return { counter, holder: here.ref<Holder>((await there.spawn(Holder, [])).address) };
}

guarantee("A ref as an argument works where it arrives.", async () => {
  const { counter } = await both();
  const other = here.ref<Counter>((await there.spawn(Counter, [])).address);
  assert.is(await other.addTo(counter, 5), 5);
});

guarantee("A ref in a result works where it arrives.", async () => {
  const { counter, holder } = await both();
  await holder.keep(counter);
  assert.is(await ((await holder.kept()) as Ref<Counter>).add(1), 1);
});

guarantee("A ref kept in an actor's state works from there.", async () => {
  const { counter, holder } = await both();
  await holder.keep(counter);
  assert.is(await holder.addToKept(3), 3);
});

guarantee("Refs travel within arrays, maps and objects.", async () => {
  const { counter, holder } = await both();
  await holder.keep(counter);
  const { list, map } = await holder.nested();
  assert.is(await (list[1] as Ref<Counter>).add(1), 1);
  assert.is(await (map.get("kept") as Ref<Counter>).add(1), 2);
});

guarantee("A ref that has travelled to a third process and back means the same actor.", async () => {
  const third = await driverOf(server);
  const { counter, holder } = await both();
  await holder.keep(counter);
  const far = third.ref<Holder>(holder.address);
  const back = (await far.kept()) as Ref<Counter>;
  assert.is(await back.whoAsks(), third.id);
  assert.is(back.address, counter.address);
});

guarantee("`ref.address` is equal for two refs if, and only if, they mean the same actor.", async () => {
  const { counter, holder } = await both();
  await holder.keep(counter);
  assert.is(((await holder.kept()) as Ref<Counter>).address, counter.address);
  assert.is((await counter.me()).address, counter.address);
  assert.is.not((await here.spawn(Counter, [])).address, counter.address);
});

guarantee(
  "`fire.ref(address)` makes a ref from an address that came by other ways, and sends nothing.",
  async () => {
    const counter = await there.spawn(Counter, []);
    const text = JSON.parse(JSON.stringify({ counter })).counter as string;
    const ref = here.ref<Counter>(text);
    assert.is(handled(counter.address), 0);
    assert.is(await ref.add(1), 1);
    assert.throws(
      () => here.ref("nonsense"),
      (error: { code: string }) => error.code === "INVALID_OPTION",
    );
  },
);

guarantee("Awaiting, logging, comparing and serialising a ref sends nothing.", async () => {
  const counter = await there.spawn(Counter, []);
  const ref = here.ref<Counter>(counter.address);
  assert.is(await ref, ref);
  await ref.tell;
  assert.match(inspect({ ref }), counter.address);
  assert.match(`${ref} ${JSON.stringify(ref)}`, counter.address);
  assert.equal(Object.keys(ref), []);
  await there.spawn(Counter, []);
  assert.is(handled(counter.address), 0);
});

guarantee("`ref.with()` gives another ref to the same actor, and leaves the first as it was.", async () => {
  const ref = await here.spawn(Counter, []);
  const hasty = ref.with({ deadline: 30 });
  assert.is(hasty.address, ref.address);
  assert.is(await codeOf(hasty.hang()), "ASK_TIMEOUT");
});

guarantee("`ref.with()` refuses unknown options and bad values at the call.", async () => {
  const ref = await here.spawn(Counter, []);
  for (const [options, code] of [
    [{ dedline: 5 }, "UNKNOWN_OPTION"],
    [{ deadline: -5 }, "INVALID_OPTION"],
    [{ epoch: "old" }, "INVALID_OPTION"],
    [{ signal: 5 }, "INVALID_OPTION"],
  ] as const) {
    assert.throws(
      () => ref.with(options as never),
      (error: { code: string }) => error.code === code,
    );
  }
});

guarantee("A method can be taken off its ref and called later.", async () => {
  const { add } = await here.spawn(Counter, []);
  assert.is(await add(4), 4);
});

guarantee("A ref to one actor never reaches another that gets its name later.", async () => {
  const first = await there.spawn(Counter, [], { name: "heir" });
  const ref = here.ref<Counter>(first.address);
  await there.stop(first);
  const second = await there.spawn(Counter, [], { name: "heir" });
  assert.is(await codeOf(ref.add(1)), "NO_SUCH_ACTOR");
  assert.is(await second.peek(), 0);
});

guarantee('With `epoch: "any"` a message goes to whoever has the name of the actor now.', async () => {
  const first = await there.spawn(Counter, [], { name: "office" });
  const ref = here.ref<Counter>(first.address).with({ epoch: "any" });
  await there.stop(first);
  await there.spawn(Counter, [7], { name: "office" });
  assert.is(await ref.add(1), 8);
});

guarantee(
  "A name can be had by one actor of a process at a time; another spawn rejects with NAME_TAKEN.",
  async () => {
    await here.spawn(Counter, [], { name: "single" });
    assert.is(await codeOf(here.spawn(Counter, [], { name: "single" })), "NAME_TAKEN");
    await there.spawn(Counter, [], { name: "single" });
  },
);

guarantee("`spawn` refuses unknown options, bad values and what is no actor class.", async () => {
  assert.is(await codeOf(here.spawn(Counter, [], { nam: "x" } as never)), "UNKNOWN_OPTION");
  assert.is(await codeOf(here.spawn(Counter, [], { name: "a b" })), "INVALID_OPTION");
  assert.is(await codeOf(here.spawn(Counter, [], { maxMailbox: 0 })), "INVALID_OPTION");
  assert.is(await codeOf(here.spawn(Counter, [], { mailboxPolicy: "none" as never })), "INVALID_OPTION");
  assert.is(await codeOf(here.spawn(Map as never, [] as never)), "INVALID_ACTOR");
  class Taken extends Actor {
    address(): void {}
  }
  assert.is(await codeOf(here.spawn(Taken, [])), "INVALID_ACTOR");
  class Wrong extends Actor {
    static readonly reentrant = ["absent"];
  }
  assert.is(await codeOf(here.spawn(Wrong as never, [] as never)), "INVALID_ACTOR");
});

function handled(address: string): number | undefined {
  return there.inspect().actors.find((actor) => actor.address === address)?.handled;
}

test.run();
