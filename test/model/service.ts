// A process of the model's cluster: does what it is told over its parent's channel, which no fault touches.
import { child, connect, hasCode, type Pool, placed, type Ref, type Supervised } from "@bonfire/runtime";
import { FarProbe } from "./far-probe.ts";
import { record, sequenceOf } from "./ledger.ts";
import { here, Keeper, meant, NearProbe } from "./near-probe.ts";
import { FENCED_EXIT, type Order, type Realm, type Reply, type Supervising } from "./orders.ts";
import type { Probe } from "./probe.ts";
import type { Scribe } from "./scribe.ts";
import { Titles } from "./titles.ts";

const SHARE = { deadline: 300 };
const ASK = { deadline: "5s" } as const;
const FAST = { intensity: 100_000, backoff: { first: "1ms", max: "50ms" } } as const;
const LOST_AT_START = ["CELL_CRASHED", "CELL_RESET", "EXECUTOR_LOST", "ACTOR_LOST", "NO_SUCH_ACTOR"];
/** `NAME_TAKEN` is also said if the store's answer takes longer than the name lasts. */
const NO_NAME = ["STORE_UNAVAILABLE", "NAME_LOST", "NAME_TAKEN"];
const UNREACHABLE = [...LOST_AT_START, "LINK_DOWN", "ASK_TIMEOUT", ...NO_NAME];
const LOOK_MS = 5;
const SETTLE_MS = 30_000;

const fire = await connect();
here.fire = fire;
const refs = new Map<string, Ref<Probe>>();
const supervised = new Map<string, { stop(): Promise<void> }>();
const unmonitor = new Map<string, () => void>();
/** Of this process, on executors. */
const far = new Map<string, Ref<Probe>>();
const pools = new Map<Realm, Promise<Pool>>();
const titles = new Titles(fire);
let peers: readonly string[] = [];
let messages = 0;
let placements = 0;
await fire.spawn(Keeper, [refs], { name: "keeper" });

const keeperOf = (node: string) => fire.ref<Keeper>(`${node}/keeper`);

/** Shows the others a new ref; whoever cannot be reached now will do without. */
async function share(key: string, ref: Ref<Probe>): Promise<void> {
  refs.set(key, ref);
  await Promise.all(
    peers.map((node) =>
      keeperOf(node)
        .with(SHARE)
        .keep(key, ref)
        .catch(() => "it never hears of it"),
    ),
  );
}

type Sending = Omit<Extract<Order, { kind: "send" }>, "kind" | "count">;

function send({ key, name, asks, slow, must = false, ...how }: Sending): void {
  const known = name === undefined ? refs.get(key) : fire.named<NearProbe>(name);
  if (!known) return;
  const any = how.any || name !== undefined;
  const ref = any ? known.with({ ...ASK, epoch: "any" }) : known.with(ASK);
  const message = `${key}/${fire.id}-${++messages}`;
  record(message, {
    kind: "sent",
    message,
    by: fire.id,
    to: any ? undefined : meant(known),
    asks,
    any,
    must,
  });
  const method = slow ? "noteSlowly" : "note";
  if (!asks) return ref.tell[method](message);
  ref[method](message).then(
    (place) => record(message, { kind: "answered", message, place }),
    (error: { code?: string }) =>
      record(message, { kind: "answered", message, code: error.code ?? String(error) }),
  );
}

function poolOf(realm: Realm): Promise<Pool> {
  const options = { max: 1, concurrency: 100, idleAfter: "1h", realm } as const;
  const opening = pools.get(realm) ?? fire.pool(`${fire.id}-${realm}`, options);
  pools.set(realm, opening);
  return opening;
}

const scribe = () => fire.ref<Scribe>(process.env.MODEL_SCRIBE as string);

/** What a supervision is to keep. */
async function childOf(key: string, how: Supervising) {
  switch (how) {
    case "here":
      return child(NearProbe, [key, { holds: key }]);
    case "placed":
      return placed(() => place(key));
    case "named":
      return child(NearProbe, [key, { holds: key, name: key }], { register: key, ttl: titles.ttl });
    default: {
      const pool = await poolOf(how);
      return child(FarProbe, [key, scribe(), fire.id, { holds: key }], { pool });
    }
  }
}

/** The next of the processes that are there now. */
async function place(key: string): Promise<Ref<Probe>> {
  const nodes = [fire.id, ...peers];
  const node = nodes[++placements % nodes.length] as string;
  const ref = await keeperOf(node).with({ deadline: "1s" }).host(key, `${key}/${fire.id}-${placements}`);
  record(key, { kind: "holds", what: key, place: meant(ref) as string });
  return ref;
}

async function settle(): Promise<void> {
  const giveUpAt = performance.now() + SETTLE_MS;
  while (performance.now() < giveUpAt) {
    const answers = await Promise.allSettled(peers.map((node) => keeperOf(node).with(SHARE).ping()));
    if (fire.inspect().nats.up && answers.every(({ status }) => status === "fulfilled")) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(
    `${fire.id} does not reach ${peers} within ${SETTLE_MS} ms: ${JSON.stringify(fire.inspect().nats)}`,
  );
}

/** Its cell was killed a moment ago. */
function unlessLost(error: unknown): void {
  if (!hasCode(error, "ACTOR_LOST")) throw error;
}

/** Ends whatever this process has of a sequence, and forgets it. */
async function clear(sequence: string): Promise<void> {
  for (const [key, tree] of supervised) {
    if (sequenceOf(key) !== sequence) continue;
    supervised.delete(key);
    record(key, { kind: "unsupervised", what: key, by: fire.id });
    await tree.stop();
  }
  // Before the actors, as some may only get a name, and start, now.
  await titles.clear(sequence);
  const prefix = `${fire.id}/${sequence}/`;
  const own = fire.inspect().actors.filter(({ address }) => address.startsWith(prefix));
  await Promise.all(own.map(({ address }) => fire.stop(fire.ref(address))));
  const gone = [...far].filter(([key]) => sequenceOf(key) === sequence);
  await Promise.all(gone.map(([, ref]) => fire.stop(ref).catch(unlessLost)));
  for (const known of [refs, unmonitor, far])
    for (const key of known.keys()) if (sequenceOf(key) === sequence) known.delete(key);
}

/** What is left of a sequence that was cleared. */
async function left(sequence: string, names: readonly string[]): Promise<string[]> {
  const actors = fire
    .inspect()
    .actors.filter(({ address }) => address.includes(`/${sequence}/`))
    .map(({ address, state }) => `${address} is ${state}`);
  const inCells = (await Promise.all(pools.values()))
    .flatMap((pool) => pool.inspect().cells)
    .filter((cell) => cell.actors > 0)
    .map((cell) => `${cell.node} has ${cell.actors} actors`);
  const held: string[] = [];
  for (const name of names) {
    try {
      const holder = await fire.whereis(name);
      if (holder) held.push(`${holder.address} has the name ${name}`);
    } catch (error) {
      // Whoever wants to know looks again.
      if (!hasCode(error, "STORE_UNAVAILABLE")) throw error;
      held.push(`nobody knows who has the name ${name}`);
    }
  }
  return [...actors, ...inCells, ...held];
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case "peers":
      peers = order.nodes;
      return;
    case "spawn": {
      const { key, name, mailbox } = order;
      try {
        return await share(key, await fire.spawn(NearProbe, [key], { name, ...mailbox }));
      } catch (error) {
        // Another one lives under that name: nobody will have a ref for this key.
        if (!hasCode(error, "NAME_TAKEN")) throw error;
        return;
      }
    }
    case "spawnFar": {
      const { key, realm } = order;
      const pool = await poolOf(realm);
      try {
        const ref = await pool.spawn(FarProbe, [key, scribe(), fire.id], { deadline: "20s" });
        far.set(key, ref);
        return await share(key, ref);
      } catch (error) {
        // Its cell may be killed while it starts.
        if (!LOST_AT_START.some((code) => hasCode(error, code))) throw error;
        return;
      }
    }
    case "spawnNamed":
      return titles.spawn(order, (key, ref) => share(key, ref));
    case "register": {
      const ref = refs.get(order.key);
      return ref && titles.register(order, ref);
    }
    case "release":
      return titles.release(order.name);
    case "whereis":
      return titles.whereis(order.name);
    case "supervise": {
      const { key, how } = order;
      const kid = await childOf(key, how);
      let tree: Supervised<{ kid: typeof kid }>;
      try {
        // The name tells `left` of whom it is.
        tree = await fire.supervise({ ...FAST, name: key }, { kid });
      } catch (error) {
        // Whoever was to place the child could not be reached: there is no supervision.
        if (how !== "here" && UNREACHABLE.some((code) => hasCode(error, code))) return false;
        throw error;
      }
      supervised.set(key, tree);
      record(key, { kind: "supervised", what: key, by: fire.id });
      await share(key, tree.children.kid);
      return true;
    }
    case "send":
      for (let n = 0; n < order.count; n++) send(order);
      return;
    case "crash":
      return refs.get(order.key)?.tell.crash();
    case "stop":
    case "kill": {
      const ref = refs.get(order.key);
      // Whether the order gets through is not of interest: what it leads to is written down there.
      if (ref) fire[order.kind](ref).catch(() => "the link may be down");
      return;
    }
    case "monitor": {
      const ref = refs.get(order.key);
      const of = ref && meant(ref);
      if (!of) return;
      const { monitor } = order;
      record(monitor, { kind: "monitored", monitor, by: fire.id, of });
      const stop = fire.monitor(ref, ({ kind }) => record(monitor, { kind: "down", monitor, reason: kind }));
      unmonitor.set(monitor, stop);
      return;
    }
    case "unmonitor":
      unmonitor.get(order.monitor)?.();
      record(order.monitor, { kind: "unmonitored", monitor: order.monitor });
      return;
    case "watch":
    case "tie": {
      const [one, other] = [refs.get(order.one), refs.get(order.other)];
      if (!one || !other) return;
      const told = meant(other);
      if (told === undefined) return;
      if (order.kind === "tie") one.tell.tie(other, told);
      else one.tell.watch(order.monitor, other, told);
      return;
    }
    case "settle":
      return settle();
    case "clear":
      return clear(order.sequence);
    case "left":
      return left(order.sequence, order.names);
    case "cells":
      return (await Promise.all(pools.values()))
        .flatMap((pool) => pool.inspect().cells)
        .map(({ node }) => node);
    case "close":
      await fire.close();
      process.disconnect();
      return;
    default:
      throw new Error(`there is no order ${JSON.stringify(order satisfies never)}`);
  }
}

process.on("message", ({ id, order }: { id: number; order: Order }) => {
  const reply = (answer: Omit<Reply, "id">) => process.connected && process.send?.({ id, ...answer });
  obey(order).then(
    (value) => reply({ value }),
    (error: Error) => reply({ error: error.stack ?? String(error) }),
  );
});
// Others have taken it for gone, and its actors end: to the model that is its end.
process.on("warning", (warning: Error & { code?: string }) => {
  if (warning.code === "FENCED") process.exit(FENCED_EXIT);
});
// Whoever started this may be gone, and before it was up.
process.once("disconnect", () => void fire.close());
if (process.connected) process.send?.({ node: fire.id });
else await fire.close();
