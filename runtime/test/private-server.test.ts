import { test } from "uvu";
import * as assert from "uvu/assert";
import { findNatsServer } from "../src/nats-server/find.ts";

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

test.run();
