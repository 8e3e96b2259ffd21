import { connect } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { driverOf } from "../harness/drivers.ts";

const failure = async (promise: Promise<unknown>): Promise<Error & { code: string }> =>
  promise.then(
    () => assert.unreachable("it resolved") as never,
    (error) => error,
  );

test("without NATS_URL a private nats-server is started, and closing ends it", async () => {
  const fire = await connect();
  const { nats } = fire.inspect();
  assert.ok(nats.private);
  assert.match(nats.servers[0] as string, /^nats:\/\/127\.0\.0\.1:\d+$/);
  await fire.close();
  await fire.close();
  const error = await failure(connect({ servers: nats.servers }));
  assert.is(error.code, "NATS_UNREACHABLE");
});

test("the private server lets nobody in without its password", async () => {
  await using server = await PrivateServer.start();
  const error = await failure(connect({ servers: server.address.servers }));
  assert.is(error.code, "NATS_REFUSED");
  const wrong = await failure(
    connect({ servers: server.address.servers, user: "bonfire", password: "guess" }),
  );
  assert.is(wrong.code, "NATS_REFUSED");
  assert.not.match(wrong.message, /guess/);
});

test("all drivers on one server have one store, which closes with the connection", async () => {
  await using server = await PrivateServer.start();
  const one = await driverOf(server);
  const other = await driverOf(server);
  const [first, second] = await Promise.all([one.store(), other.store()]);
  assert.is(await one.store(), first);
  assert.ok(await first.acquire("shared", one.id, "1m"));
  assert.is((await second.holder("shared"))?.holder, one.id);
  await Promise.all([one.close(), other.close()]);
  assert.throws(() => first.get("shared"), /closed/);
  assert.throws(() => one.store(), /closed/);
});

test("an unknown option of connect is refused by name", async () => {
  const error = await failure(connect({ server: "nats://h" } as never));
  assert.is(error.code, "UNKNOWN_OPTION");
  assert.match(error.message, /"server".*"servers"/);
});

test("a capture that cannot travel is refused at the call, with its name and place, before anything boots", async () => {
  await using fire = await connect();
  await using pool = await fire.pool("refusals", { max: 1 });
  const pending = { inner: Promise.resolve(1) };
  assert.throws(
    () => pool.call(() => pending.inner),
    (error: Error & { code: string }) => {
      assert.is(error.code, "CAPTURE_REFUSED");
      assert.match(error.message, /"pending\.inner" at .*connect\.test\.ts:\d+:\d+ as it is a Promise/);
      return true;
    },
  );
  assert.equal(pool.inspect().executors, { ready: 0, booting: 0, draining: 0 });
});

test("an import that is not granted is refused with the line to add, before anything boots", async () => {
  await using fire = await connect();
  await using pool = await fire.pool("refusals", { max: 1 });
  const error = await failure(pool.call(async () => (await import("node:child_process")).execFileSync("ls")));
  assert.is(error.code, "GRANT_MISSING");
  assert.match(error.message, /node:child_process.*programs: \[/);
  assert.equal(pool.inspect().executors, { ready: 0, booting: 0, draining: 0 });
});

test.run();
