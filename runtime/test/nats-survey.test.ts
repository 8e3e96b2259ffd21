import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServerInfo } from "../src/bus/bus.ts";
import { warningsOf } from "../src/presence/nats-survey.ts";
import { resolveTiming } from "../src/presence/timing.ts";

const GOOD: ServerInfo = {
  version: "2.9.10",
  cluster: undefined,
  jetstream: false,
  maxPayload: 1_048_576,
  headers: true,
};
const timing = resolveTiming({ beat: "500ms", probe: "100ms", nobody: "1300ms", lease: "6s" });
const warnings = (server: Partial<ServerInfo>, roundTripMs = 1) =>
  warningsOf({ ...GOOD, ...server }, roundTripMs, timing);

test("a server as it comes deserves no warning, from 2.9 on", () => {
  for (const version of ["2.9.0", "2.10.27", "2.15.1", "3.0.0"]) assert.equal(warnings({ version }), []);
});

test("a server that is too old is named with its version", () => {
  for (const version of ["2.8.4", "1.4.1"]) {
    const [warning, ...more] = warnings({ version });
    assert.match(warning, `nats-server ${version} is older than 2.9`);
    assert.equal(more, []);
  }
});

test("a round trip that is longer than a probe is told with what it costs, and with options that are accepted", () => {
  assert.equal(warnings({}, 99), []);
  const [warning] = warnings({}, 240) as [string];
  assert.match(warning, "240 ms");
  assert.match(warning, "6 s instead of 1.8 s");
  const [, probe, nobody] = /probe: "(\d+ms)", nobody: "(\d+ms)"/.exec(warning) as unknown as [
    string,
    "1ms",
    "1ms",
  ];
  assert.is(resolveTiming({ probe, nobody }).probe, 500);
});

test.run();
