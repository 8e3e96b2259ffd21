import { Actor, type AnyRef, type Reason, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Counter, Gate, Trapper, Witness } from "./actors.ts";

const server = await PrivateServer.start();
const [here, there] = await Promise.all([driverOf(server), driverOf(server)]);

test.after(async () => {
  await closeDrivers();
  await server.close();
});

async function counterThere(): Promise<Ref<Counter>> {
  return here.ref<Counter>((await there.spawn(Counter, [])).address);
}

/** Told when the monitor is in force on the other side too. */
async function monitored(ref: AnyRef): Promise<{ reasons: Reason[]; down: Promise<Reason> }> {
  const reasons: Reason[] = [];
  const { promise, resolve } = Promise.withResolvers<Reason>();
  here.monitor(ref, (reason) => {
    reasons.push(reason);
    resolve(reason);
  });
  await here.ref<Counter>(ref.address).peek();
  return { reasons, down: promise };
}

async function witnessOf(ref: AnyRef): Promise<Ref<Witness>> {
  const witness = await here.spawn(Witness, []);
  await witness.watch(ref);
  return witness;
}

const downsOf = async (witness: Ref<Witness>) => (await witness.downs()).map(({ reason }) => reason.kind);

guarantee("A monitor is told `normal` when its actor stops.", async () => {
  const ref = await counterThere();
  const { down } = await monitored(ref);
  ref.tell.end();
  assert.is((await down).kind, "normal");
});

guarantee("A monitor is told `error`, with the error and its stack, when its actor fails.", async () => {
  const ref = await counterThere();
  const { down } = await monitored(ref);
  ref.tell.crash("broke");
  const reason = (await down) as { kind: string; error: Error };
  assert.is(reason.kind, "error");
  assert.is(reason.error.message, "broke");
  assert.match(reason.error.stack as string, /actors\.ts/);
});

guarantee("A monitor is told `killed` when its actor is killed.", async () => {
  const ref = await counterThere();
  const { down } = await monitored(ref);
  await here.kill(ref);
  assert.is((await down).kind, "killed");
});

guarantee("Monitoring an actor that does not exist tells `no-such-actor`.", async () => {
  for (const address of [`${there.id}/ghost`, `${here.id}/ghost`, `${there.id}/counter-1#99999`]) {
    const reason = await new Promise<Reason>((resolve) => here.monitor(here.ref(address), resolve));
    assert.is(reason.kind, "no-such-actor", address);
  }
});

guarantee("A monitor is told once.", async () => {
  const third = await driverOf(server);
  const ref = here.ref<Counter>((await third.spawn(Counter, [])).address);
  const { reasons, down } = await monitored(ref);
  await here.stop(ref);
  await down;
  await here.stop(ref);
  await third.close();
  await codeOf(ref.add(1));
  assert.is(reasons.length, 1);
});

guarantee("Several monitors of one actor are each told.", async () => {
  const ref = await counterThere();
  const witnesses = [await witnessOf(ref), await witnessOf(ref), await there.spawn(Witness, [])] as const;
  await witnesses[2].watch(ref);
  const { down } = await monitored(ref);
  await here.stop(ref);
  await down;
  for (const witness of witnesses) {
    await until(async () => (await downsOf(witness)).length > 0);
    assert.equal(await downsOf(witness), ["normal"]);
  }
});

guarantee("A monitor that was taken back is not told.", async () => {
  const ref = await counterThere();
  const witness = await witnessOf(ref);
  await witness.unwatch(ref);
  const { down } = await monitored(ref);
  await here.stop(ref);
  await down;
  assert.equal(await downsOf(witness), []);
});

guarantee("`onDown` gets a ref equal to the one that was monitored.", async () => {
  const ref = await counterThere();
  const witness = await witnessOf(ref);
  await monitored(ref);
  await here.stop(ref);
  await until(async () => (await witness.downs()).length > 0);
  assert.is((await witness.downs())[0]?.who, ref.address);
});

guarantee("An actor that has ended is told of nothing any more.", async () => {
  const ref = await counterThere();
  const witness = await witnessOf(ref);
  await until(() => monitorsOf(ref) === 1);
  await here.stop(witness);
  await until(() => monitorsOf(ref) === 0);
});

guarantee("`fire.inspect()` shows how many watch an actor.", async () => {
  const ref = await counterThere();
  await witnessOf(ref);
  await there.monitor(ref, () => undefined);
  await until(() => monitorsOf(ref) === 2);
});

guarantee("A linked actor ends with the other one's error.", async () => {
  const ref = await counterThere();
  const tied = await here.spawn(Witness, []);
  await tied.tie(ref);
  const ended = new Promise<Reason>((resolve) => here.monitor(tied, resolve));
  await monitored(ref);
  ref.tell.crash("together");
  const reason = (await ended) as { kind: string; error: Error };
  assert.equal([reason.kind, reason.error.message], ["error", "together"]);
});

guarantee("A link works in both directions.", async () => {
  const ref = await counterThere();
  const tied = await here.spawn(Witness, []);
  await tied.tie(ref);
  const { down } = await monitored(ref);
  await until(() => monitorsOf(ref) > 0);
  await until(() =>
    here.inspect().actors.some(({ address, monitors }) => address === tied.address && monitors > 0),
  );
  tied.tell.crash();
  assert.is((await down).kind, "error");
});

guarantee("An actor that is killed ends those that are linked to it.", async () => {
  const ref = await counterThere();
  const tied = await here.spawn(Witness, []);
  await tied.tie(ref);
  const ended = new Promise<Reason>((resolve) => here.monitor(tied, resolve));
  await monitored(ref);
  await here.kill(ref);
  assert.is((await ended).kind, "killed");
});

guarantee("An actor that stops in order leaves those that are linked to it alone.", async () => {
  const ref = await counterThere();
  const tied = await here.spawn(Witness, []);
  await tied.tie(ref);
  const { down } = await monitored(ref);
  await here.stop(ref);
  await down;
  assert.equal(await downsOf(tied), []);
});

guarantee("Linking to an actor that does not exist ends the one that links.", async () => {
  const tied = await here.spawn(Witness, []);
  const ended = new Promise<Reason>((resolve) => here.monitor(tied, resolve));
  await tied.tie(here.ref(`${there.id}/ghost`));
  assert.is((await ended).kind, "no-such-actor");
});

guarantee("A class with `static trapExit = true` is told by `onExit` instead of ending.", async () => {
  const ref = await counterThere();
  const trapper = await here.spawn(Trapper, []);
  await trapper.tie(ref);
  await monitored(ref);
  ref.tell.crash();
  await until(async () => (await downsOf(trapper)).length > 0);
  assert.equal(await downsOf(trapper), ["error"]);
});

guarantee("A link that was untied propagates nothing.", async () => {
  const ref = await counterThere();
  const tied = await here.spawn(Witness, []);
  await tied.tie(ref);
  await tied.unwatch(ref);
  const { down } = await monitored(ref);
  await here.kill(ref);
  await down;
  assert.equal(await downsOf(tied), []);
});

guarantee("`fire.stop` ends an actor after the messages that are in its mailbox.", async () => {
  const gate = here.ref<Gate>((await there.spawn(Gate, [])).address);
  const held = gate.hold();
  const waiting = gate.pass("before the end");
  const stopped = here.stop(gate);
  await gate.release();
  assert.equal(await Promise.all([held, waiting]), [undefined, "before the end"]);
  await stopped;
  assert.is(await codeOf(gate.peek()), "NO_SUCH_ACTOR");
});

guarantee("`fire.stop` of an actor that is gone does nothing.", async () => {
  const ref = await counterThere();
  await here.stop(ref);
  await here.stop(ref);
  await here.stop(here.ref("d-nowhere/ghost"));
});

guarantee("`fire.kill` ends an actor at once, whatever it does, and without `onStop`.", async () => {
  const noted: string[] = [];
  class Noting extends Actor {
    override onStop(): void {
      noted.push("onStop");
    }
    hang(): Promise<void> {
      return new Promise(() => {});
    }
  }
  const ref = await there.spawn(Noting, []);
  const hanging = here.ref<Noting>(ref.address).hang();
  hanging.catch(() => "awaited below");
  await until(() => there.inspect().actors.some(({ address }) => address === ref.address));
  await here.kill(ref);
  assert.ok(["ACTOR_KILLED", "NO_SUCH_ACTOR"].includes(await codeOf(hanging)));
  assert.equal(noted, []);
});

guarantee("Another process's runtime actors can be neither stopped nor killed.", async () => {
  await using pool = await there.pool("guarded", { max: 1, backend: NO_BACKEND });
  assert.is(pool.name, "guarded");
  const client = here.ref(`${there.id}/pool-guarded`);
  assert.is(await codeOf(here.stop(client)), "NOT_YOURS");
  assert.is(await codeOf(here.kill(client)), "NOT_YOURS");
});

guarantee("`onStart` runs before the first message, and `spawn` resolves after it.", async () => {
  class Slow extends Actor {
    #ready = false;
    override async onStart(): Promise<void> {
      await new Promise((resolve) => setImmediate(resolve));
      this.#ready = true;
    }
    ready(): boolean {
      return this.#ready;
    }
  }
  assert.is(await (await here.spawn(Slow, [])).ready(), true);
});

guarantee(
  "If the constructor or `onStart` throws, `spawn` rejects with that error and there is no actor.",
  async () => {
    class Unmade extends Actor {
      constructor() {
        super();
        throw new RangeError("unmade");
      }
    }
    class Unstarted extends Actor {
      override async onStart(): Promise<void> {
        throw new RangeError("unstarted");
      }
    }
    assert.is(await codeOf(here.spawn(Unmade, [])), "RangeError");
    assert.is(await codeOf(here.spawn(Unstarted, [], { name: "unstarted" })), "RangeError");
    assert.not(here.inspect().actors.some(({ type }) => type === "Unmade" || type === "Unstarted"));
  },
);

guarantee("`onStop` is told the reason, after the last message.", async () => {
  const reasons: string[] = [];
  class Leaving extends Actor {
    override onStop(reason: Reason): void {
      reasons.push(reason.kind);
    }
    crash(): void {
      this.stop(new Error("why"));
    }
  }
  await here.stop(await here.spawn(Leaving, []));
  const crashing = await here.spawn(Leaving, []);
  const down = new Promise((resolve) => here.monitor(crashing, resolve));
  await crashing.crash();
  await down;
  assert.equal(reasons, ["normal", "error"]);
});

guarantee("An error in `onDown`, `onExit` or a timer ends the actor with that error.", async () => {
  class Fragile extends Actor {
    watch(who: AnyRef): void {
      this.monitor(who);
    }
    soon(): void {
      this.after(1, () => {
        throw new RangeError("timer");
      });
    }
    override onDown(): void {
      throw new RangeError("down");
    }
  }
  const ended = async (ref: AnyRef) => {
    const reason = await new Promise<Reason>((resolve) => here.monitor(ref, resolve));
    return (reason as { error: Error }).error.message;
  };
  const [one, two] = [await here.spawn(Fragile, []), await here.spawn(Fragile, [])];
  const [first, second] = [ended(one), ended(two)];
  await one.watch(here.ref(`${here.id}/ghost`));
  await two.soon();
  assert.equal([await first, await second], ["down", "timer"]);
});

guarantee(
  "Closing a connection stops its actors in order; who watches them is told `normal`, not `lost`.",
  async () => {
    const third = await driverOf(server);
    const ref = here.ref<Counter>((await third.spawn(Counter, [])).address);
    const { down } = await monitored(ref);
    await third.close();
    assert.is((await down).kind, "normal");
  },
);

guarantee("After `fire.close()` nothing can be spawned: CLOSED.", async () => {
  const third = await driverOf(server);
  await third.close();
  assert.is(await codeOf(third.spawn(Counter, [])), "CLOSED");
});

function monitorsOf(ref: AnyRef): number {
  return there.inspect().actors.find(({ address }) => address === ref.address)?.monitors ?? 0;
}

/** Never asked for a machine. */
const NO_BACKEND = {
  launch: () => Promise.reject(new Error("no machine is wanted")),
  terminate: () => Promise.resolve(),
  list: () => Promise.resolve([]),
  [Symbol.asyncDispose]: () => Promise.resolve(),
} as never;

test.run();
