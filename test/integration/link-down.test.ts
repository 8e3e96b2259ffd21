/** What waits while the link to NATS is down. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { errorOf, until } from "../harness/outcome.ts";
import { Relay } from "../harness/relay.ts";

const MANY = 20_000;
const server = await NatsServer.start();
test.after(() => server.kill());

test(`${MANY} calls that get a slot while the link is down all fail with LINK_DOWN`, async () => {
  await using relay = await Relay.before(server.port);
  await using fire = await connect({ servers: `nats://127.0.0.1:${relay.port}` });
  await using pool = await fire.pool("down", {
    max: 1,
    concurrency: 4,
    resources: { cpu: 2 },
    shutdownTimeout: 0,
    logs: "ignore",
  });
  const gate = new AbortController();
  const { signal } = gate;
  const forever = () => new Promise(() => {});
  void errorOf(pool.call({}, forever, { resources: { cpu: 1 } }));
  await until(() => pool.inspect().running === 1);
  // It does not fit, and holds up those behind it.
  const head = errorOf(pool.call({}, forever, { resources: { cpu: 2 }, signal }));
  const waiting = Array.from({ length: MANY }, () => errorOf(pool.call({}, () => 1)));
  relay.refuse();
  await until(() => !fire.inspect().nats.up);
  gate.abort();
  assert.is((await head).name, "AbortError");
  const codes = new Set((await Promise.all(waiting)).map(({ code }) => code));
  assert.equal([...codes], ["LINK_DOWN"]);
  relay.heal();
  await until(() => fire.inspect().nats.up);
  assert.is(await pool.call({}, () => 2), 2);
});

test("ending calls while NATS is away fails none of their neighbours, whose values come when it is back", async () => {
  await using nats = await NatsServer.start();
  const folder = mkdtempSync(join(tmpdir(), "bonfire-link-down-"));
  await using fire = await connect({ servers: nats.url });
  await using pool = await fire.pool("neighbours", {
    ...{ max: 1, concurrency: 4, realm: "process", shutdownTimeout: 0, logs: "ignore" },
  });
  /** Runs until its gate is there, also while NATS is away. */
  const gated = (name: string) => {
    const gate = join(folder, name);
    const value = pool.call({ gate }, async ({ gate }) => {
      const { existsSync, writeFileSync } = await import("node:fs");
      writeFileSync(`${gate}-begun`, "");
      while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 5));
      writeFileSync(`${gate}-passed`, "");
      return "its value";
    });
    const has = (what: string) => until(() => existsSync(`${gate}-${what}`));
    return { value, begun: has("begun"), passed: () => has("passed"), open: () => writeFileSync(gate, "") };
  };
  const [during, after] = [gated("during"), gated("after")];
  // Else the rejection of the one would hide what befell the other.
  void Promise.allSettled([during.value, after.value]);
  await Promise.all([during.begun, after.begun]);
  const gate = new AbortController();
  const { signal } = gate;
  const running = errorOf(pool.call({}, () => new Promise(() => {}), { signal }));
  await until(() => pool.inspect().running === 3);
  await nats.kill();
  await until(() => !fire.inspect().nats.up);
  const unsent = errorOf(pool.call({}, () => 1, { signal }));
  gate.abort();
  assert.equal([(await running).name, (await unsent).name], ["AbortError", "AbortError"]);
  during.open();
  await during.passed();
  await nats.restart();
  assert.is(await during.value, "its value");
  after.open();
  assert.is(await after.value, "its value");
  await until(() => pool.inspect().running === 0);
  assert.is(await pool.call(() => 2), 2);
  rmSync(folder, { recursive: true });
});

test.run();
