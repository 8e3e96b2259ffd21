import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolveAddress } from "../src/address.ts";
import { milliseconds } from "../src/duration.ts";
import { resolvePoolOptions } from "../src/pool/options.ts";
import { MemoryStore } from "../src/store/memory-store.ts";

const refused = (make: () => unknown, code: string, words: RegExp) => {
  assert.throws(make, (error: Error & { code: string }) => {
    assert.is(error.code, code);
    assert.match(error.message, words);
    return true;
  });
};

test("durations are milliseconds or a number with a unit", () => {
  assert.equal(
    [250, "250ms", "30s", "1.5s", "5m", "2h"].map((value) => milliseconds("x", value as never)),
    [250, 250, 30_000, 1_500, 300_000, 7_200_000],
  );
  for (const value of ["30", "s", "-1s", "", Number.NaN, -1]) {
    refused(() => milliseconds("idleAfter", value as never), "INVALID_OPTION", /"idleAfter"/);
  }
});

test("a duration longer than a timer can wait is refused, rather than be over at once", () => {
  assert.is(milliseconds("deadline", 2 ** 31 - 1), 2_147_483_647);
  assert.is(milliseconds("deadline", "596h"), 2_145_600_000);
  for (const value of [2 ** 31, "597h", "2147483648ms", Number.MAX_VALUE] as const) {
    refused(() => milliseconds("deadline", value), "INVALID_OPTION", /"deadline".*24\.8 days/);
  }
  refused(() => resolvePoolOptions("p", { idleAfter: "600h" }), "INVALID_OPTION", /"idleAfter".*"600h"/);
});

test("an unknown pool option is refused by name, with the one that was probably meant", () => {
  refused(
    () => resolvePoolOptions("p", { idelAfter: "3s" } as never),
    "UNKNOWN_OPTION",
    /"idelAfter".*"idleAfter"/,
  );
  refused(
    () => resolvePoolOptions("p", { nonsense: 1 } as never),
    "UNKNOWN_OPTION",
    /"nonsense".*known are min,/,
  );
  refused(
    () => resolvePoolOptions("p", { grants: { program: [] } } as never),
    "UNKNOWN_OPTION",
    /"program".*"programs"/,
  );
});

test("a grant of the wrong kind is refused by name, rather than grant something else", () => {
  for (const [grants, words] of [
    [{ programs: "ffmpeg" }, /"programs" must be a list of names, got "ffmpeg"/],
    [{ programs: [1] }, /"programs"/],
    [{ env: "TZ" }, /"env"/],
    [{ hostModules: true }, /"hostModules" must be a list of names, got true/],
    [{ fetch: "example.com" }, /"fetch" must be true, or a list of hosts/],
    [{ files: "./data" }, /"files" must be true or false/],
    [null, /"grants" of pool "p" must be an object/],
  ] as const) {
    refused(() => resolvePoolOptions("p", { grants } as never), "INVALID_OPTION", words);
  }
  const grants = { programs: ["ffmpeg"], files: false, fetch: true, env: [], hostModules: ["sharp"] };
  assert.is(resolvePoolOptions("p", { grants }).grants, grants);
});

test("numbers out of range are refused by name", () => {
  refused(() => resolvePoolOptions("p", { min: 3, max: 2 }), "INVALID_OPTION", /"max" \(2\).*"min" \(3\)/);
  refused(() => resolvePoolOptions("p", { concurrency: 0 }), "INVALID_OPTION", /"concurrency".*at least 1/);
  refused(() => resolvePoolOptions("p", { min: 0.5 }), "INVALID_OPTION", /"min"/);
  refused(
    () => resolvePoolOptions("p", { realm: "docker" as never }),
    "INVALID_OPTION",
    /"realm".*"isolate" or "process"/,
  );
  const unawaited = Promise.resolve(new MemoryStore());
  refused(() => resolvePoolOptions("p", { store: unawaited as never }), "INVALID_OPTION", /"store".*await/);
  refused(() => resolvePoolOptions("a b", {}), "INVALID_OPTION", /name/);
});

test("min alone raises max with it", () => {
  assert.is(resolvePoolOptions("p", { min: 50 }).policy.max, 50);
});

test("the options that were given are not changed", () => {
  const given = Object.freeze({ min: 1, grants: Object.freeze({ files: true }) });
  assert.is(resolvePoolOptions("p", given).policy.min, 1);
});

test("credentials in a NATS URL are taken out of it", () => {
  assert.equal(resolveAddress({ servers: "nats://bob:s%40cret@h:4222,h2" }, {}), {
    servers: ["nats://h:4222", "nats://h2"],
    user: "bob",
    password: "s@cret",
  });
  assert.equal(resolveAddress({}, { NATS_URL: "nats://tok@h:1" }), { servers: ["nats://h:1"], token: "tok" });
  assert.is(resolveAddress({}, {}), undefined);
});

test("a bad NATS URL is refused without repeating it, as it may hold a password", () => {
  refused(
    () => resolveAddress({ servers: "http://bob:secret@h" }, {}),
    "INVALID_OPTION",
    /^(?!.*secret).*nats:\/\/host:port/,
  );
});

test.run();
