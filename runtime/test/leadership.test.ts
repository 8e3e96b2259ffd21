import { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Leadership } from "../src/pool/leadership.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import type { Grant } from "../src/store/port.ts";

const KEY = "pool/p";
// The timers of leases keep no process alive.
const awake = setInterval(() => undefined, 1_000);
test.after(() => clearInterval(awake));

/** A store whose leases are lost when they are to be renewed, and that lets a test say when it grants another. */
class ForgetfulStore extends MemoryStore {
  readonly asked = Promise.withResolvers<void>();
  readonly answer = Promise.withResolvers<void>();
  granted = 0;
  keeps = false;

  protected override async doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    if (this.granted++ > 0) {
      this.asked.resolve();
      await this.answer.promise;
    }
    return super.doAcquire(key, holder, ttl);
  }
  protected override async doRenew(key: string, token: bigint): Promise<boolean> {
    await super.doRelease(key, token);
    return false;
  }
  protected override async doRelease(key: string, token: bigint): Promise<boolean> {
    if (this.keeps) throw new BonfireError("STORE_UNAVAILABLE", "the store is out of reach");
    return super.doRelease(key, token);
  }
}

async function lead(store: ForgetfulStore): Promise<Leadership> {
  const onDeposed = () => assert.unreachable("nobody else leads");
  const leadership = await Leadership.take(store, { pool: "p", node: "d-1", onDeposed });
  await store.asked.promise;
  return leadership as Leadership;
}

test("a lease that is granted again while its holder gives up leading is given back too", async () => {
  const store = new ForgetfulStore();
  const leadership = await lead(store);
  const released = leadership.release();
  store.answer.resolve();
  await released;
  assert.is(await store.holder(KEY), undefined);
});

test("giving up leading while the store is out of reach succeeds with a warning, and the lease ends by itself", async () => {
  const store = new ForgetfulStore();
  const leadership = await lead(store);
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  store.keeps = true;
  const released = leadership.release();
  store.answer.resolve();
  await released;
  assert.is(((await warned) as BonfireError).code, "STORE_UNAVAILABLE");
  await store.whenFree(KEY);
});

test.run();
