import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";

for (const realm of ["isolate", "process"] as const) {
  test(`a call whose end falls into an outage of NATS still resolves (${realm})`, async () => {
    await using server = await NatsServer.start();
    await using fire = await connect({ servers: [server.url] });
    await using pool = await fire.pool("outage", { max: 1, concurrency: 4, realm, logs: "ignore" });
    await pool.call(() => 1);
    const small = pool.call(() => new Promise((resolve) => setTimeout(resolve, 500, "through")));
    const large = pool.call(
      () => new Promise<string>((resolve) => setTimeout(() => resolve("x".repeat(3_000_000)), 500)),
    );
    await pause(200);
    await server.kill();
    await pause(800);
    await server.restart();
    assert.is(await small, "through");
    assert.is((await large).length, 3_000_000);
    assert.is(await pool.call(() => 2), 2);
  });
}

test.run();
