/**
 * Random sequences of everything that a store does, compared with a model of a few maps. Leases last a minute unless a
 * command lets them run out, so that the model needs no clock.
 */
import type { Store } from "@bonfire/runtime";
import { hasCode } from "@bonfire/runtime";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KINDS, StoreServer } from "../harness/stores.ts";

const SEQUENCES = 250;
const LONG = "1m";
const SHORT_MS = 10;

interface Slot {
  /** Every token that was granted, the latest last. */
  readonly tokens: bigint[];
  holder: string | undefined;
  /** The last grant was released, or has never been. */
  released: boolean;
  value: string | undefined;
}

interface Model {
  readonly slots: Map<string, Slot>;
  readonly groups: Map<string, Set<string>>;
}

/** Two clients of one store, and what tells this sequence's keys from those of others. */
interface Real {
  readonly stores: readonly [Store, Store];
  readonly run: number;
}

type Command = fc.AsyncCommand<Model, Real>;

function command(
  text: string,
  run: (model: Model, store: Store, prefix: string) => Promise<void>,
  client: number,
): Command {
  return {
    check: () => true,
    run: (model, { stores, run: number }) => run(model, stores[client] as Store, `${number}/`),
    toString: () => `${text} by ${client}`,
  };
}

function slotOf(model: Model, key: string): Slot {
  const slot = model.slots.get(key) ?? { tokens: [], holder: undefined, released: true, value: undefined };
  model.slots.set(key, slot);
  return slot;
}

/** The token granted `age` grants before the last one, or one that never was. */
function tokenOf({ tokens }: Slot, age: number): bigint {
  return tokens.at(-1 - age) ?? 1n;
}

function isLast(slot: Slot, token: bigint): boolean {
  return !slot.released && slot.tokens.at(-1) === token;
}

async function isStale(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return false;
  } catch (error) {
    if (!hasCode(error, "STALE_TOKEN")) throw error;
    return true;
  }
}

async function grant(
  slot: Slot,
  store: Store,
  key: string,
  holder: string,
  ttl: number | "1m",
): Promise<void> {
  const granted = await store.acquire(key, holder, ttl);
  assert.is(granted === undefined, slot.holder !== undefined);
  if (!granted) return;
  assert.ok(granted.token > (slot.tokens.at(-1) ?? 0n), "tokens grow");
  slot.tokens.push(granted.token);
  slot.holder = holder;
  slot.released = false;
}

const key = fc.constantFrom("a", "b");
const holder = fc.constantFrom("x", "y");
/** Mostly the last token, at times an older one. */
const age = fc.constantFrom(0, 0, 0, 1, 2);
const client = fc.constantFrom(0, 1);
const group = fc.constantFrom("g", "h");

const commands = [
  fc
    .tuple(key, holder, client)
    .map(([k, h, c]) =>
      command(
        `acquire ${k} for ${h}`,
        (model, store, at) => grant(slotOf(model, k), store, at + k, h, LONG),
        c,
      ),
    ),
  fc.tuple(key, holder, client).map(([k, h, c]) =>
    command(
      `acquire ${k} for ${h} and let it run out`,
      async (model, store, at) => {
        const slot = slotOf(model, k);
        const wasFree = slot.holder === undefined;
        await grant(slot, store, at + k, h, SHORT_MS);
        if (!wasFree) return;
        await store.whenFree(at + k);
        slot.holder = undefined;
      },
      c,
    ),
  ),
  fc.tuple(key, age, client).map(([k, a, c]) =>
    command(
      `renew ${k}, ${a} grants old`,
      async (model, store, at) => {
        const slot = slotOf(model, k);
        const token = tokenOf(slot, a);
        const renewed = await store.renew(at + k, token, LONG);
        assert.is(renewed, isLast(slot, token));
        // Its name is in the store still; the model has forgotten it if it had run out.
        if (renewed) slot.holder ??= (await store.holder(at + k))?.holder;
      },
      c,
    ),
  ),
  fc.tuple(key, age, client).map(([k, a, c]) =>
    command(
      `release ${k}, ${a} grants old`,
      async (model, store, at) => {
        const slot = slotOf(model, k);
        const token = tokenOf(slot, a);
        assert.is(await store.release(at + k, token), isLast(slot, token));
        if (!isLast(slot, token)) return;
        slot.holder = undefined;
        slot.released = true;
      },
      c,
    ),
  ),
  fc.tuple(key, age, fc.string(), client).map(([k, a, value, c]) =>
    command(
      `put ${JSON.stringify(value)} under ${k}, ${a} grants old`,
      async (model, store, at) => {
        const slot = slotOf(model, k);
        const token = tokenOf(slot, a);
        assert.is(await isStale(store.put(at + k, Buffer.from(value), token)), !isLast(slot, token));
        if (isLast(slot, token)) slot.value = value;
      },
      c,
    ),
  ),
  fc.tuple(key, age, client).map(([k, a, c]) =>
    command(
      `delete ${k}, ${a} grants old`,
      async (model, store, at) => {
        const slot = slotOf(model, k);
        const token = tokenOf(slot, a);
        assert.is(await isStale(store.delete(at + k, token)), !isLast(slot, token));
        if (isLast(slot, token)) slot.value = undefined;
      },
      c,
    ),
  ),
  fc.tuple(key, client).map(([k, c]) =>
    command(
      `look at ${k}`,
      async (model, store, at) => {
        const slot = slotOf(model, k);
        const held = await store.holder(at + k);
        assert.is(held?.holder, slot.holder);
        if (held) assert.is(held.token, slot.tokens.at(-1));
        const value = await store.get(at + k);
        assert.is(value && Buffer.from(value).toString(), slot.value);
      },
      c,
    ),
  ),
  fc.tuple(group, holder, client).map(([g, m, c]) =>
    command(
      `join ${g} as ${m}`,
      async (model, store, at) => {
        await store.join(at + g, m, LONG);
        model.groups.set(g, (model.groups.get(g) ?? new Set()).add(m));
      },
      c,
    ),
  ),
  fc.tuple(group, holder, client).map(([g, m, c]) =>
    command(
      `leave ${g} as ${m}`,
      async (model, store, at) => {
        await store.leave(at + g, m);
        model.groups.get(g)?.delete(m);
      },
      c,
    ),
  ),
  fc
    .tuple(group, client)
    .map(([g, c]) =>
      command(
        `members of ${g}`,
        async (model, store, at) =>
          assert.equal(await store.members(at + g), [...(model.groups.get(g) ?? [])].sort()),
        c,
      ),
    ),
];

for (const kind of KINDS) {
  test(`${kind}: ${SEQUENCES} random sequences of commands do what the model says`, async () => {
    await using server = await StoreServer.start(kind);
    const stores = [await server.open(), await server.open()] as const;
    let run = 0;
    let steps = 0;
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { size: "+1", maxCommands: 60 }), async (sequence) => {
        await fc.asyncModelRun(
          () => ({ model: { slots: new Map(), groups: new Map() }, real: { stores, run: run++ } }),
          sequence,
        );
        steps += [...sequence].length;
      }),
      { numRuns: SEQUENCES, seed: 11 },
    );
    assert.ok(steps > SEQUENCES * 5, `${steps} commands`);
    console.log(`${kind}: ${run} sequences, ${steps} commands`);
  });
}

test.run();
