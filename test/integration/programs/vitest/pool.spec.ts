// Run by vitest from test/integration/environments.test.ts.
import { basename } from "node:path";
import { connect } from "@bonfire/runtime";
import { expect, test } from "vitest";
import { fail } from "../everywhere/fails.ts";
import { Circle, makeCircle } from "../everywhere/shape.ts";

interface Named {
  readonly name: string;
}

test("closures of a vitest file run on an executor", { timeout: 60_000 }, async () => {
  await using fire = await connect();
  await using pool = await fire.pool("vitest", { max: 1 });
  const named: Named = { name: "a/b.c" };
  expect(await pool.call(() => basename(named.name))).toBe("b.c");
  const circle = makeCircle(2);
  expect(await pool.call(() => [circle.area(), circle instanceof Circle])).toEqual([12, true]);
  const error = await pool.call(() => fail(1)).catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(RangeError);
  expect(String((error as Error).stack)).toMatch(
    /fails\.ts:3:\d+\)\n.*called from the driver.*pool\.spec\.ts:19:/s,
  );
});
