import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Bus } from "../src/bus/bus.ts";
import { findNatsServer } from "../src/nats-server/find.ts";
import { PrivateServer } from "../src/nats-server/private-server.ts";
import { NatsStore } from "../src/store/nats-store.ts";

test("where no nats-server is installed, the error says how to get it on Debian, macOS and by container", () => {
  assert.throws(
    () => findNatsServer({ PATH: "/nowhere" }, []),
    (error: Error & { code: string }) => {
      assert.is(error.code, "NATS_SERVER_MISSING");
      for (const words of [
        "apt-get install nats-server",
        "brew install nats-server",
        "docker run",
        "NATS_URL",
      ]) {
        assert.ok(error.message.includes(words), words);
      }
      return true;
    },
  );
});

test("the one that BONFIRE_NATS_SERVER names is taken first", () => {
  assert.is(findNatsServer({ PATH: "", BONFIRE_NATS_SERVER: process.execPath }), process.execPath);
});

test("a private server keeps a store in its own folder, and takes the folder with it", async () => {
  const server = await PrivateServer.start();
  const command = await readFile(`/proc/${server.pid}/cmdline`, "utf8");
  const folder = /[^\0]*bonfire-nats-[^/]*/.exec(command)?.[0] as string;
  assert.ok(existsSync(folder), folder);
  const bus = await Bus.connect(server.address, "d-store");
  const store = await NatsStore.open(bus);
  const grant = await store.acquire("key", "me", "1m");
  await store.put("key", new Uint8Array(100_000), grant?.token as bigint);
  assert.ok(existsSync(`${folder}/jetstream`));
  await bus.close();
  await server.close();
  for (const start = performance.now(); existsSync(folder) && performance.now() - start < 5_000; )
    await turn();
  assert.not(existsSync(folder));
});

test.run();
