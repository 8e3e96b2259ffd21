import {
  Actor,
  ActorSystem,
  Bus,
  Presence,
  PrivateServer,
  placeOf,
  type Reason,
  subject,
} from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../../test/harness/nats.ts";

const TIMING = { beat: 200, suspectAfter: 400, probe: 50, nobody: 300, lease: 1_500, natsGrace: 10_000 };
const server = await PrivateServer.start();
const nodes: { bus: Bus; presence: Presence; system: ActorSystem }[] = [];

async function node(name: string, address: { servers: readonly string[] } = server.address) {
  const bus = await Bus.connect(address, name);
  const presence = Presence.start({ bus, node: name, timing: TIMING, onFenced: () => {} });
  const made = {
    bus,
    presence,
    system: new ActorSystem(bus, presence.watch),
  };
  await bus.flush();
  nodes.push(made);
  return made;
}

class Counter extends Actor {
  #value = 0;
  #busy = 0;
  most = 0;
  add(n: number): number {
    this.#value += n;
    return this.#value;
  }
  async slowAdd(n: number): Promise<number> {
    this.most = Math.max(this.most, ++this.#busy);
    await new Promise((resolve) => setImmediate(resolve));
    this.#busy--;
    return this.add(n);
  }
  most_(): number {
    return this.most;
  }
  fail(): never {
    throw Object.assign(new TypeError("no"), { code: "E_NO" });
  }
  whoAsks(): string {
    return this.context.sender;
  }
  end(): void {
    void this.context.stop();
  }
  break(): void {
    this.context.enqueue(() => {
      throw new Error("broke");
    });
  }
}

class Watching extends Actor {
  readonly downs: string[] = [];
  readonly told = Promise.withResolvers<Reason>();
  look(at: { node: string; actor: string }): void {
    this.context.monitor(at);
  }
  override onDown(_who: unknown, reason: Reason): void {
    this.downs.push(reason.kind);
    this.told.resolve(reason);
  }
}

const a = await node("d-one");
const b = await node("e-two");

test.after(async () => {
  for (const { system, presence, bus } of nodes) {
    await system.close();
    await presence.close();
    await bus.close();
  }
  await server.close();
});

test("asking an actor of another node runs its method there and brings the value back", async () => {
  const counter = await b.system.spawn(new Counter());
  const ref = a.system.ref<Counter>(placeOf(counter));
  assert.is(await ref.add(2), 2);
  assert.is(await ref.add(3), 5);
  assert.is(await ref.whoAsks(), "d-one");
});

test("messages are handled one at a time, in the order one sender sent them", async () => {
  const counter = await b.system.spawn(new Counter());
  const ref = a.system.ref<Counter>(placeOf(counter));
  const sums = await Promise.all([1, 1, 1, 1].map((n) => ref.slowAdd(n)));
  assert.equal(sums, [1, 2, 3, 4]);
  assert.is(await ref.most_(), 1);
});

test("a tell is handled without an answer, before a later ask", async () => {
  const counter = await b.system.spawn(new Counter());
  const ref = a.system.ref<Counter>(placeOf(counter));
  ref.tell.add(40);
  assert.is(await ref.add(2), 42);
});

test("an error comes back as it was, with its class, code and message", async () => {
  const ref = a.system.ref<Counter>(placeOf(await b.system.spawn(new Counter())));
  const error = await ref.fail().catch((thrown) => thrown);
  assert.instance(error, TypeError);
  assert.is(error.message, "no");
  assert.is(error.code, "E_NO");
});

test("asking an actor or a node that does not exist fails at once and says so", async () => {
  const code = (promise: Promise<unknown>) => promise.then(String, (error) => error.code);
  assert.is(await code(a.system.ask({ node: "e-two", actor: "ghost" }, "add", [])), "NO_SUCH_ACTOR");
  assert.is(await code(a.system.ask({ node: "e-nowhere", actor: "x" }, "add", [])), "NO_SUCH_ACTOR");
});

test("what is no public method of the actor cannot be called", async () => {
  const ref = await b.system.spawn(new Counter());
  for (const method of ["onStart", "constructor", "context", "absent"]) {
    const error = await a.system.ask(placeOf(ref), method, []).catch((thrown) => thrown);
    assert.is(error.code, "NO_SUCH_METHOD", method);
  }
});

test("a monitor is told once, with the reason, when an actor of another node ends", async () => {
  const counter = await b.system.spawn(new Counter());
  const watching = new Watching();
  const ref = await a.system.spawn(watching);
  await ref.look(placeOf(counter));
  // The monitor is set up behind our back; an ask on the same way is answered after it.
  await a.system.ask({ node: "e-two", actor: "$monitors" }, "watch", [placeOf(counter).actor]);
  await a.system.ref<Counter>(placeOf(counter)).break();
  const reason = await watching.told.promise;
  assert.is(reason.kind, "error");
  assert.match((reason as { error: Error }).error.message, /broke/);
  assert.equal(watching.downs, ["error"]);
});

test("monitoring what does not exist tells so", async () => {
  const watching = new Watching();
  const ref = await a.system.spawn(watching);
  await ref.look({ node: "e-two", actor: "ghost" });
  assert.is((await watching.told.promise).kind, "no-such-actor");
});

test("a goodbye is believed at once", async () => {
  const leaving = await node("e-leaving");
  const counter = await leaving.system.spawn(new Counter());
  const watching = new Watching();
  const ref = await a.system.spawn(watching);
  await ref.look(placeOf(counter));
  // By its next beat our thread has long subscribed to its goodbye.
  await new Promise<void>((resolve) => a.bus.subscribe(subject.beat("e-leaving"), () => resolve()));
  const start = performance.now();
  await leaving.presence.close();
  assert.is((await watching.told.promise).kind, "lost");
  assert.ok(performance.now() - start < TIMING.nobody, "sooner than any probing could tell");
});

test("an actor of this node is reached without NATS, by copies all the same", async () => {
  class Keeper extends Actor {
    kept: unknown;
    keep(value: unknown): void {
      this.kept = value;
    }
  }
  const keeper = new Keeper();
  const ref = await a.system.spawn(keeper);
  const value = { list: [1] };
  await ref.keep(value);
  assert.equal(keeper.kept, value);
  assert.is.not(keeper.kept, value);
});

test("a monitor learns after an outage of NATS what ended meanwhile, and still watches what did not", async () => {
  await using own = await NatsServer.start();
  const [c, d] = await Promise.all([
    node("d-out", { servers: [own.url] }),
    node("e-out", { servers: [own.url] }),
  ]);
  const [ends, stays] = [await d.system.spawn(new Counter()), await d.system.spawn(new Counter())];
  const [one, other] = [new Watching(), new Watching()];
  await (await c.system.spawn(one)).look(placeOf(ends));
  await (await c.system.spawn(other)).look(placeOf(stays));
  await c.system.ask({ node: "e-out", actor: "$monitors" }, "watch", [placeOf(stays).actor]);
  await own.kill();
  while (d.bus.link.up) await new Promise((resolve) => setTimeout(resolve, 5));
  await d.system.stop(placeOf(ends), { kind: "error", error: new Error("ended in the dark") });
  await own.restart();
  assert.match(((await one.told.promise) as { error: Error }).error.message, /in the dark/);
  assert.equal(other.downs, []);
  await d.system.stop(placeOf(stays));
  assert.is((await other.told.promise).kind, "normal");
  await Promise.all([c.bus.close(), d.bus.close()]);
});

test.run();
