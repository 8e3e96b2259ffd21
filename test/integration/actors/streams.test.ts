import type { Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Source } from "./actors.ts";

const server = await PrivateServer.start();
const [here, there] = await Promise.all([driverOf(server), driverOf(server)]);

test.after(async () => {
  await closeDrivers();
  await server.close();
});

async function sources(): Promise<Ref<Source>[]> {
  return [here.ref<Source>((await there.spawn(Source, [])).address), await here.spawn(Source, [])];
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
};

guarantee("An async generator method is iterated where it is asked, in order and completely.", async () => {
  for (const source of await sources()) {
    assert.equal(
      await collect(source.stream(1_000)),
      Array.from({ length: 1_000 }, (_, n) => n),
    );
  }
});

guarantee("A stream runs at most 32 items ahead of its reader.", async () => {
  for (const source of await sources()) {
    let read = 0;
    for await (const _ of source.openStream(1_000)) {
      read++;
      const { given } = await source.state();
      assert.ok(given <= read + 33, `${given} were made when ${read} were read`);
      if (read === 200) break;
    }
  }
});

guarantee("Leaving the loop early runs the generator's `finally`.", async () => {
  for (const source of await sources()) {
    for await (const n of source.stream(1_000)) if (n === 3) break;
    await until(async () => (await source.state()).ended === 1);
    assert.ok((await source.state()).given < 100);
  }
});

guarantee("An error of the generator arrives after the items before it, as it was thrown.", async () => {
  for (const source of await sources()) {
    const items: number[] = [];
    const failed = (async () => {
      for await (const item of source.failing()) items.push(item);
    })();
    assert.is(await codeOf(failed), "E_BROKEN");
    assert.equal(items, [1]);
  }
});

guarantee("An item that cannot travel ends its stream with VALUE_REFUSED, and runs `finally`.", async () => {
  for (const source of await sources()) {
    assert.is(await codeOf(collect(source.unsendable())), "VALUE_REFUSED");
    await until(async () => (await source.state()).ended === 1);
  }
});

guarantee("A stream is one message: other messages wait until it has ended.", async () => {
  for (const source of await sources()) {
    const iterator = source.stream(1_000)[Symbol.asyncIterator]();
    await iterator.next();
    let isAnswered = false;
    const value = source.value().then(() => (isAnswered = true));
    await source.state();
    assert.not(isAnswered);
    await iterator.return?.();
    await value;
  }
});

guarantee("A stream of a reentrant method holds up no other message.", async () => {
  for (const source of await sources()) {
    const iterator = source.openStream(3)[Symbol.asyncIterator]();
    await iterator.next();
    assert.is(await source.value(), 1);
    await iterator.return?.();
  }
});

guarantee("A generator sees in `this.signal` that nobody reads any more.", async () => {
  for (const source of await sources()) {
    for await (const _ of source.waiting()) break;
    await until(async () => (await source.state()).ended === 1);
  }
});

guarantee("A stream that nobody begins to read within 10 s is ended.", async () => {
  const source = (await sources())[0] as Ref<Source>;
  const unread = source.stream(3);
  assert.is(await source.with({ deadline: "20s" }).value(), 1);
  assert.is(await codeOf(collect(unread)), "STREAM_LOST");
});

guarantee(
  "The default deadline covers only the beginning of a stream; one that is given covers all of it.",
  async () => {
    for (const source of await sources()) {
      const slow = async () => {
        for await (const _ of source.with({ deadline: 150 }).waiting());
      };
      assert.is(await codeOf(slow()), "ASK_TIMEOUT");
      await until(async () => (await source.state()).ended === 1);
    }
  },
);

guarantee("A signal ends a stream with the signal's reason, and runs `finally`.", async () => {
  for (const source of await sources()) {
    const abort = new AbortController();
    const reading = (async () => {
      for await (const _ of source.with({ signal: abort.signal }).waiting())
        abort.abort(new RangeError("enough"));
    })();
    assert.is(await codeOf(reading), "RangeError");
    await until(async () => (await source.state()).ended === 1);
  }
});

guarantee("Stopping an actor ends its streams; their readers get ACTOR_STOPPED.", async () => {
  for (const source of await sources()) {
    const iterator = source.stream(1_000)[Symbol.asyncIterator]();
    await iterator.next();
    await here.stop(source);
    const rest = async () => {
      for (;;) if ((await iterator.next()).done) return;
    };
    assert.is(await codeOf(rest()), "ACTOR_STOPPED");
  }
});

guarantee("Iterating a method that gives a value fails with NOT_A_STREAM.", async () => {
  for (const source of await sources()) {
    const wrong = source.value() as unknown as AsyncIterable<number>;
    assert.is(await codeOf(collect(wrong)), "NOT_A_STREAM");
  }
});

guarantee("A tell to a generator method is a dead letter.", async () => {
  const source = (await sources())[0] as Ref<Source>;
  const letters: string[] = [];
  there.on("deadLetter", ({ error }) => letters.push((error as { code: string }).code));
  source.tell.stream(3);
  await until(() => letters.length > 0);
  assert.equal(letters, ["NOT_ITERATED"]);
});

test.run();
