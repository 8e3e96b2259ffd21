/** What spawning, asking and supervising infer, checked by the compiler alone: this file is never run. */
import { Actor, child, type Fire, type Pool, placed, type Ref, supervision } from "@bonfire/runtime";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function expectType<Expected>(): <Actual>(
  value: Actual,
  ...same: Equal<Actual, Expected> extends true ? [] : [expected: Expected]
) => void;

declare const fire: Fire;
declare const pool: Pool;

class Tally extends Actor {
  static readonly reentrant = ["total"] as const;
  #sum: number;
  readonly label = "tally";
  constructor(start: number, _unit?: string) {
    super();
    this.#sum = start;
  }
  add(n: number): number {
    this.#sum += n;
    return this.#sum;
  }
  async total(): Promise<number> {
    return this.#sum;
  }
  async *items(): AsyncGenerator<string> {
    yield String(this.#sum);
  }
  me(): Ref<Tally> {
    return this.self;
  }
}

export async function naming(): Promise<void> {
  class Room extends Actor {
    constructor(key: string) {
      super();
      void key;
    }
    say(line: string): number {
      return line.length;
    }
  }
  const room = fire.actor(Room, "lobby");
  expectType<Ref<Room>>()(room);
  expectType<Promise<number>>()(room.say("hello"));
  await fire.host(Room, { idleAfter: "1m", saveEvery: 5 });
  // @ts-expect-error its constructor takes no key
  fire.actor(Tally, "lobby");
  // @ts-expect-error a host has no name
  await fire.host(Room, { register: "x" });
  // @ts-expect-error hooks of the runtime cannot be asked
  await room.snapshot();
  expectType<Ref<Room> | undefined>()(await fire.whereis<Room>("x"));
  expectType<Ref<Room>>()(fire.named<Room>("x"));
  expectType<Ref<Room>>()(await fire.group<Room>("x").next());
  expectType<void>()(fire.group<Room>("x").tell.say("hello"));
}

class Misspelt extends Actor {
  static readonly reentrant = ["totl"] as const;
  total(): number {
    return 1;
  }
}

export async function spawning(): Promise<void> {
  const ref = await fire.spawn(Tally, [1, "m"], { maxMailbox: 5, mailboxPolicy: "block" });
  expectType<Ref<Tally>>()(ref);
  expectType<Promise<number>>()(ref.add(1));
  expectType<Promise<number>>()(ref.total());
  expectType<AsyncIterable<string>>()(ref.items());
  expectType<void>()(ref.tell.add(1));
  expectType<Ref<Tally>>()(ref.with({ deadline: "1s", epoch: "any" }));
  // @ts-expect-error a wrong constructor argument
  await fire.spawn(Tally, ["1"]);
  // @ts-expect-error a missing constructor argument
  await fire.spawn(Tally, []);
  // @ts-expect-error a wrong argument
  await ref.add("1");
  // @ts-expect-error a field is no method
  await ref.label();
  // @ts-expect-error a hook cannot be called
  await ref.onStart();
  // @ts-expect-error no such option
  ref.with({ timeout: 5 });
  // @ts-expect-error no such method is there to be reentrant
  await fire.spawn(Misspelt, []);
}

export async function spawningOnExecutors(): Promise<void> {
  expectType<Ref<Tally>>()(await pool.spawn(Tally, [1, "m"], { maxMailbox: 5, deadline: "5s" }));
  // @ts-expect-error a wrong constructor argument
  await pool.spawn(Tally, ["1"]);
  // @ts-expect-error no such option
  await pool.spawn(Tally, [1], { timeout: 5 });
  // @ts-expect-error no such method is there to be reentrant
  await pool.spawn(Misspelt, []);
  expectType<{ readonly far: Ref<Tally> }>()(
    (await fire.supervise({}, { far: child(Tally, [1], { pool }) })).children,
  );
}

export async function supervising(): Promise<void> {
  const { children } = await fire.supervise(
    { strategy: "rest-for-one", intensity: 3, period: "5s", backoff: { first: "10ms" } },
    {
      one: child(Tally, [1], { restart: "transient" }),
      far: placed(() => fire.spawn(Tally, [1])),
      inner: supervision({}, { leaf: child(Tally, [1]) }),
    },
  );
  expectType<Ref<Tally>>()(children.one);
  expectType<Ref<Tally>>()(children.far);
  expectType<Ref<Tally>>()(children.inner.leaf);
  // @ts-expect-error no such child
  children.two;
  // @ts-expect-error a wrong constructor argument
  child(Tally, ["1"]);
  // @ts-expect-error no such strategy
  await fire.supervise({ strategy: "some-for-one" }, {});
}
