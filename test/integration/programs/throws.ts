// Throws on an executor, from an inline closure and from a function of another file; prints the stacks.
import { connect } from "@bonfire/runtime";
import { fail } from "./fails.ts";

await using fire = await connect();
await using pool = await fire.pool("throws", { max: 1 });
const word = "no";

async function caller(): Promise<unknown> {
  return await pool.call(() => {
    if (word) throw new TypeError(`inline ${word}`); // line 11
  });
}

const explicit = () =>
  pool.call({ word }, ({ word }) => {
    throw new Error(`explicit ${word}`); // line 17
  });

for (const run of [caller, () => pool.call(() => fail(word)), explicit]) {
  try {
    await run();
  } catch (error) {
    console.log(JSON.stringify((error as Error).stack));
  }
}
