import {
  Actor,
  type AnyRef,
  child,
  type Fire,
  placed,
  type Reason,
  type Ref,
  supervision,
} from "@bonfire/runtime";
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

const FAST = { backoff: { first: 1, max: 1 }, intensity: 100 } as const;
const ended = (ref: AnyRef, fire: Fire = here) =>
  new Promise<Reason>((resolve) => fire.monitor(ref, resolve));

/** How often the actor was started again; -1 while it is not there. */
function restartsOf(ref: AnyRef, fire: Fire = here): number {
  return fire.inspect().actors.find(({ address }) => address === ref.address)?.restarts ?? -1;
}

const restarted = (ref: AnyRef, times = 1, fire: Fire = here) => until(() => restartsOf(ref, fire) >= times);

async function trio(strategy: "one-for-one" | "one-for-all" | "rest-for-one") {
  const { children, stop } = await here.supervise(
    { ...FAST, strategy },
    { a: child(Counter, [1]), b: child(Counter, [2]), c: child(Counter, [3]) },
  );
  for (const ref of [children.a, children.b, children.c]) await ref.add(100);
  children.b.tell.crash();
  await restarted(children.b);
  if (strategy !== "one-for-one") await restarted(children.c);
  if (strategy === "one-for-all") await restarted(children.a);
  const any = { epoch: "any" } as const;
  const values = await Promise.all([children.a, children.b, children.c].map((ref) => ref.with(any).peek()));
  await stop();
  return values;
}

guarantee("`one-for-one` starts the child again that ended, and no other.", async () => {
  assert.equal(await trio("one-for-one"), [101, 2, 103]);
});

guarantee("`one-for-all` starts all children again.", async () => {
  assert.equal(await trio("one-for-all"), [1, 2, 3]);
});

guarantee("`rest-for-one` starts the child again that ended, and those after it.", async () => {
  assert.equal(await trio("rest-for-one"), [101, 2, 3]);
});

guarantee("Children are started in order, and stopped in the opposite order.", async () => {
  const events: string[] = [];
  class Noting extends Actor {
    readonly #name: string;
    constructor(name: string) {
      super();
      this.#name = name;
    }
    override onStart(): void {
      events.push(`+${this.#name}`);
    }
    override onStop(): void {
      events.push(`-${this.#name}`);
    }
  }
  const { stop } = await here.supervise({}, { a: child(Noting, ["a"]), b: child(Noting, ["b"]) });
  await stop();
  assert.equal(events, ["+a", "+b", "-b", "-a"]);
});

guarantee("A permanent child is started again whatever it ended for.", async () => {
  const { children } = await here.supervise(FAST, { one: child(Counter, []) });
  children.one.tell.end();
  await restarted(children.one);
  await here.kill(children.one);
  await restarted(children.one, 2);
});

guarantee("A transient child is started again unless it ended in order.", async () => {
  const { children } = await here.supervise(FAST, { one: child(Counter, [], { restart: "transient" }) });
  children.one.tell.crash();
  await restarted(children.one);
  const down = ended(children.one);
  await children.one.end();
  await down;
  assert.is(await eventually(() => codeOf(children.one.peek()), "NO_SUCH_ACTOR"), "NO_SUCH_ACTOR");
});

guarantee("A temporary child is never started again.", async () => {
  const { children } = await here.supervise(FAST, { one: child(Counter, [], { restart: "temporary" }) });
  const down = ended(children.one);
  children.one.tell.crash();
  await down;
  assert.is(await eventually(() => codeOf(children.one.peek()), "NO_SUCH_ACTOR"), "NO_SUCH_ACTOR");
});

guarantee(
  "A restarted child is made anew from its class and arguments: its state begins again.",
  async () => {
    const { children } = await here.supervise(FAST, { one: child(Counter, [7]) });
    await children.one.add(1);
    children.one.tell.crash();
    await restarted(children.one);
    assert.is(await children.one.with({ epoch: "any" }).peek(), 7);
  },
);

guarantee(
  "A ref to a supervised child stays valid over restarts, and its address stays the same.",
  async () => {
    const { children } = await here.supervise(FAST, { one: child(Counter, []) });
    const { address } = children.one;
    for (let times = 1; times <= 3; times++) {
      await here.kill(children.one);
      await restarted(children.one, times);
      assert.is(await children.one.with({ epoch: "any" }).add(1), 1);
    }
    assert.is(children.one.address, address);
  },
);

/** A ref as another process has it: it came in a message, and knows nothing but what messages tell it. */
async function farRef(ref: Ref<Counter>): Promise<Ref<Counter>> {
  class Bearer extends Actor {
    readonly #ref: Ref<Counter>;
    constructor(ref: Ref<Counter>) {
      super();
      this.#ref = ref;
    }
    ref(): Ref<Counter> {
      return this.#ref;
    }
  }
  const bearer = await here.spawn(Bearer, [ref]);
  return there.ref<Bearer>(bearer.address).ref();
}

guarantee(
  "A message for an outdated epoch is not delivered to the new one: it fails at once with STALE_EPOCH.",
  async () => {
    const { children } = await here.supervise(FAST, { one: child(Counter, []) });
    const far = await farRef(children.one);
    await far.add(1);
    await here.kill(children.one);
    await restarted(children.one);
    assert.is(await codeOf(far.add(1)), "STALE_EPOCH");
    assert.is(await children.one.with({ epoch: "any" }).peek(), 0);
  },
);

guarantee(
  "After STALE_EPOCH the ref is up to date, and so are all refs of that process to that actor.",
  async () => {
    const { children } = await here.supervise(FAST, { one: child(Counter, []) });
    const [far, other] = [await farRef(children.one), await farRef(children.one)];
    await here.kill(children.one);
    await restarted(children.one);
    assert.is(await codeOf(far.add(1)), "STALE_EPOCH");
    assert.equal([await far.add(1), await other.add(1)], [1, 2]);
  },
);

guarantee(
  "What is sent after STALE_EPOCH while the child is not yet back waits for it, in order.",
  async () => {
    const { children } = await here.supervise(
      { backoff: { first: "150ms" }, intensity: 5 },
      { one: child(Counter, []) },
    );
    await here.kill(children.one);
    await restarted(children.one);
    const far = await farRef(children.one);
    await far.with({ epoch: "any" }).peek();
    // The second restart waits.
    await here.kill(children.one);
    assert.is(await codeOf(far.add(1)), "STALE_EPOCH");
    for (let n = 0; n < 10; n++) far.tell.note(n);
    assert.equal(
      await far.seen(),
      Array.from({ length: 10 }, (_, n) => n),
    );
  },
);

guarantee("A tell for an outdated epoch is a dead letter, and updates the sender's ref.", async () => {
  const { children } = await here.supervise(FAST, { one: child(Counter, []) });
  const far = await farRef(children.one);
  await here.kill(children.one);
  await restarted(children.one);
  const letters: string[] = [];
  here.on("deadLetter", ({ method }) => letters.push(method));
  far.tell.add(1);
  await until(() => letters.length > 0);
  assert.equal(letters, ["add"]);
  await until(async () => (await far.add(1).catch(() => 0)) > 0);
});

guarantee(
  'With `epoch: "any"` a message that finds the child restarting waits for it and is delivered once.',
  async () => {
    const { children } = await here.supervise(
      { backoff: { first: "100ms" }, intensity: 5 },
      { one: child(Counter, []) },
    );
    const far = (await farRef(children.one)).with({ epoch: "any" });
    await here.kill(children.one);
    await restarted(children.one);
    await here.kill(children.one);
    assert.is(await far.add(1), 1);
  },
);

guarantee("A deadline also ends the wait for a restart.", async () => {
  const { children } = await here.supervise(
    { backoff: { first: "30s", max: "30s" }, intensity: 5 },
    { one: child(Counter, []) },
  );
  await here.kill(children.one);
  await restarted(children.one);
  await here.kill(children.one);
  assert.is(await codeOf(children.one.with({ epoch: "any", deadline: 100 }).add(1)), "ASK_TIMEOUT");
});

guarantee(
  "A ref to a child that has ended for good fails with NO_SUCH_ACTOR, once it has heard so.",
  async () => {
    const { children, stop } = await here.supervise(FAST, { one: child(Counter, []) });
    const far = await farRef(children.one);
    await stop();
    assert.is(await eventually(() => codeOf(far.peek()), "NO_SUCH_ACTOR"), "NO_SUCH_ACTOR");
  },
);

guarantee(
  "More than `intensity` restarts within `period` end the supervision with SUPERVISION_FAILED and the cause.",
  async () => {
    const { children, ref } = await here.supervise(
      { intensity: 2, backoff: { first: 1, max: 1 } },
      { one: child(Counter, []) },
    );
    const down = ended(ref);
    for (let times = 1; times <= 3; times++) {
      await children.one.with({ epoch: "any" }).crash(`crash ${times}`);
      if (times < 3) await restarted(children.one, times);
    }
    const { error } = (await down) as { error: Error & { code: string } };
    assert.is(error.code, "SUPERVISION_FAILED");
    assert.is(((error.cause as Error).cause as Error).message, "crash 3");
  },
);

guarantee("Restarts longer ago than `period` do not count.", async () => {
  const { children } = await here.supervise(
    { intensity: 1, period: 50, backoff: { first: 1, max: 1 } },
    { one: child(Counter, []) },
  );
  for (let times = 1; times <= 4; times++) {
    const at = performance.now();
    await here.kill(children.one);
    await restarted(children.one, times);
    await until(() => performance.now() - at > 60);
  }
});

guarantee(
  "The first restart within `period` is at once; each further one waits twice as long, up to `backoff.max`.",
  async () => {
    const { children } = await here.supervise(
      { intensity: 10, backoff: { first: 80, max: 160 } },
      { one: child(Counter, []) },
    );
    const took: number[] = [];
    for (let times = 1; times <= 4; times++) {
      const start = performance.now();
      await here.kill(children.one);
      await restarted(children.one, times);
      took.push(performance.now() - start);
    }
    const [first, second, third, fourth] = took as [number, number, number, number];
    assert.ok(first < second, `the first took ${first} ms, the second ${second} ms`);
    assert.ok(second >= 79 && third >= 159 && fourth >= 159, `took ${took} ms`);
  },
);

guarantee(
  "A supervision that gives up is started again by the one above it, with its children.",
  async () => {
    const { children } = await here.supervise(FAST, {
      inner: supervision({ intensity: 0 }, { leaf: child(Counter, [3]) }),
    });
    await children.inner.leaf.add(1);
    children.inner.leaf.tell.crash();
    assert.is(await eventually(() => children.inner.leaf.with({ epoch: "any" }).peek(), 3), 3);
  },
);

guarantee("If every level gives up, the topmost supervision ends with SUPERVISION_FAILED.", async () => {
  const { children, ref } = await here.supervise(
    { intensity: 0 },
    { inner: supervision({ intensity: 0 }, { leaf: child(Counter, []) }) },
  );
  const down = ended(ref);
  children.inner.leaf.tell.crash();
  assert.is(((await down) as { error: { code: string } }).error.code, "SUPERVISION_FAILED");
});

guarantee(
  "`supervise` rejects with the error of a child that does not start, and stops those before it.",
  async () => {
    class Unstarted extends Actor {
      override onStart(): void {
        throw new RangeError("unstarted");
      }
    }
    const starting = here.supervise(
      { name: "failing" },
      { fine: child(Counter, []), broken: child(Unstarted, []) },
    );
    assert.is(await codeOf(starting), "RangeError");
    assert.not(here.inspect().actors.some(({ address }) => address.includes("failing")));
  },
);

guarantee("A child that does not start again counts as ended again.", async () => {
  let starts = 0;
  class Moody extends Actor {
    override onStart(): void {
      starts++;
      if (starts === 2 || starts === 3) throw new Error("not now");
    }
    peek(): number {
      return starts;
    }
  }
  const { children } = await here.supervise(FAST, { one: child(Moody, []) });
  await here.kill(children.one);
  assert.is(await eventually(() => children.one.with({ epoch: "any" }).peek(), 4), 4);
});

guarantee("Stopping a supervision stops its children, also nested ones.", async () => {
  const { children, stop } = await here.supervise(FAST, {
    one: child(Counter, []),
    inner: supervision({}, { leaf: child(Counter, []) }),
  });
  const downs = [ended(children.one), ended(children.inner.leaf)];
  await stop();
  assert.equal(
    (await Promise.all(downs)).map(({ kind }) => kind),
    ["normal", "normal"],
  );
});

guarantee("A placed child is started by its function, wherever that puts it.", async () => {
  const { children } = await here.supervise(FAST, { far: placed(() => there.spawn(Counter, [4])) });
  assert.is(await children.far.add(1), 5);
  assert.is(
    there.inspect().actors.some(({ address }) => address === children.far.address),
    false,
  );
});

guarantee(
  "A placed child that ends is placed again, and its ref follows it to another process.",
  async () => {
    const third = await driverOf(server);
    const places = [there, third];
    let turn = 0;
    const { children } = await here.supervise(FAST, {
      far: placed(() => (places[turn++ % 2] as Fire).spawn(Counter, [turn])),
    });
    assert.is(await children.far.peek(), 1);
    await here.kill(children.far);
    assert.is(await children.far.with({ epoch: "any" }).peek(), 2);
  },
);

guarantee("A placed child ends with its supervision.", async () => {
  const { children, stop } = await here.supervise(FAST, { far: placed(() => there.spawn(Counter, [])) });
  const down = ended(children.far);
  await children.far.peek();
  await stop();
  assert.is((await down).kind, "normal");
});

guarantee(
  "`supervise`, `child`, `placed` and `supervision` refuse unknown options and bad values at the call.",
  async () => {
    const refused = (make: () => unknown, code: string) =>
      assert.throws(make, (error: { code: string }) => error.code === code);
    assert.is(await codeOf(here.supervise({ strategie: 1 } as never, {})), "UNKNOWN_OPTION");
    assert.is(await codeOf(here.supervise({ strategy: "none" } as never, {})), "INVALID_OPTION");
    assert.is(await codeOf(here.supervise({ intensity: -1 }, {})), "INVALID_OPTION");
    assert.is(await codeOf(here.supervise({}, { "a b": child(Counter, []) })), "INVALID_OPTION");
    refused(() => child(Counter, [], { restart: "often" as never }), "INVALID_OPTION");
    refused(() => child(Counter, [], { name: "x" } as never), "UNKNOWN_OPTION");
    refused(() => placed(() => here.spawn(Counter, []), { x: 1 } as never), "UNKNOWN_OPTION");
    refused(() => supervision({ period: "soon" as never }, {}), "INVALID_OPTION");
  },
);

/** The first outcome equal to `wanted`, of as many tries as it takes. */
async function eventually<T>(attempt: () => Promise<T>, wanted: T): Promise<T> {
  let last: T | undefined;
  await until(async () => {
    last = await attempt().catch(() => undefined);
    return last === wanted;
  });
  return last as T;
}

test('With `epoch: "any"` an ask of another process reaches a placed child where it is now, under another name.', async () => {
  let places = 0;
  const { children, stop } = await here.supervise(FAST, {
    one: placed(() => here.spawn(Counter, [++places], { name: `moving-${places}` })),
  });
  const far = await farRef(children.one);
  await here.kill(children.one);
  assert.is(await far.with({ epoch: "any" }).peek(), 2);
  await stop();
});

test.run();
