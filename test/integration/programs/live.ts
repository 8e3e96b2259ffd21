/** Live values under the loader: a stream of a class's own, a remote function, an error of a generator. */
import { connect, remote } from "@bonfire/runtime";

await using fire = await connect();
await using pool = await fire.pool("live", { max: 1, logs: "ignore" });

class Squares {
  readonly #pool = pool;
  readonly upTo = 4;

  all(): AsyncGenerator<number> {
    return pool.stream(async function* () {
      for (let n = 0; n < 4; n++) yield square(n);
    });
  }

  get pool() {
    return this.#pool;
  }
}

const square = (n: number): number => n * n;
console.log(`stream ${await Array.fromAsync(new Squares().all())}`);

const said: number[] = [];
const progress = remote((percent: number) => void said.push(percent));
await pool.call(async () => {
  await progress(50);
  await progress(100);
});
console.log(`progress ${said}`);

try {
  for await (const _ of pool.stream(function* () {
    yield 1;
    throw new Error("no more");
  }));
} catch (error) {
  console.log(`failed ${(error as Error).stack?.split("\n")[1]?.trim()}`);
}
