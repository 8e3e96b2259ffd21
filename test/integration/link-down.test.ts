/** What waits while the link to NATS is down. */
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

test.run();
