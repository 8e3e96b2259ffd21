import { Election, MemoryStore } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../harness/program.ts";
import { KINDS, type Kind, REMOTE, StoreServer } from "../harness/stores.ts";

const TTL_MS = 1_000;
const LATEST_MS = 500;
const AT_ONCE_MS = 250;

const candidate = (kind: Kind, url: string, key: string) =>
  new Program("integration/programs/candidate.ts", { args: [kind, url, key, String(TTL_MS)] });

async function leads(program: Program): Promise<{ at: bigint; token: bigint }> {
  const [, at, token] = await program.line(/leads at (\d+) with (\d+)/);
  return { at: BigInt(at as string), token: BigInt(token as string) };
}

const msSince = (start: bigint, end: bigint) => Number(end - start) / 1e6;

for (const kind of REMOTE) {
  test(`${kind}: a leader killed with -9 is followed within its time and half a second, one that resigns at once`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    await using first = candidate(kind, server.url, "lead");
    const { token } = await leads(first);
    await using second = candidate(kind, server.url, "lead");
    await second.line(/waits/);
    assert.is((await store.holder("lead"))?.holder, String(first.pid));

    const killed = process.hrtime.bigint();
    first.child.kill("SIGKILL");
    const taken = await leads(second);
    const after = msSince(killed, taken.at);
    assert.ok(after <= TTL_MS + LATEST_MS, `taken over after ${after} ms`);
    assert.ok(taken.token > token);

    await using third = candidate(kind, server.url, "lead");
    await third.line(/waits/);
    const resigned = process.hrtime.bigint();
    second.say("resign");
    await second.line(/no longer: Lease of "lead" was released/);
    const next = msSince(resigned, (await leads(third)).at);
    assert.ok(next <= AT_ONCE_MS, `followed after ${next} ms`);
    console.log(
      `${kind}: taken over ${after.toFixed(0)} ms after kill -9, ${next.toFixed(0)} ms after resigning`,
    );
  });
}

for (const kind of KINDS) {
  test(`${kind}: a campaign ends with its signal and with its election, and holds nothing then`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const leading = new Election(store, { key: "e", candidate: "a", ttl: TTL_MS });
    const lease = await leading.campaign();
    assert.is((await leading.leader())?.holder, "a");

    const waiting = new Election(store, { key: "e", candidate: "b", ttl: TTL_MS });
    const given = new AbortController();
    const ended = waiting.campaign({ signal: given.signal }).catch((error: Error) => error.message);
    given.abort(new Error("enough"));
    assert.is(await ended, "enough");
    const closed = waiting.campaign().catch((error: Error) => error.name);
    await waiting.close();
    assert.is(await closed, "AbortError");

    await leading.close();
    assert.not(lease.valid);
    assert.is(lease.signal.reason.code, "LEASE_LOST");
    assert.is(await leading.leader(), undefined);
  });
}

test("options of an election are checked at once", () => {
  const store = new MemoryStore();
  const bad = { key: "k", candidate: "c", tll: "5s" };
  assert.throws(
    () => new Election(store, bad as never),
    (error: Error & { code: string }) => error.code === "UNKNOWN_OPTION",
  );
  assert.throws(
    () => new Election(store, { key: "k", candidate: "c", ttl: "soon" as never }),
    (error: Error & { code: string }) => error.code === "INVALID_OPTION",
  );
});

test.run();
