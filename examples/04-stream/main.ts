// node --import @bonfire/loader main.ts
import { connect, remote } from "@bonfire/runtime";

await using fire = await connect();
await using pool = await fire.pool("stream", { max: 1 });

// The points never end: they are made here only as fast as they are used up there.
async function* points() {
  for (let n = 1; ; n++) yield { x: (n % 20) / 10, y: 3 * ((n % 20) / 10) + 1 };
}
const data = points();
const say = remote((text: string) => console.log(`said on the executor: ${text}`));

// Fits y = a x + b by gradient descent; every hundred points it yields how far it has come.
const fitting = pool.stream(async function* () {
  let [a, b, loss, seen] = [0, 0, 1, 0];
  try {
    for await (const { x, y } of data) {
      const error = a * x + b - y;
      a -= 0.1 * error * x;
      b -= 0.1 * error;
      loss = 0.95 * loss + 0.05 * error ** 2;
      if (++seen % 100 === 0) yield { seen, a, b, loss };
    }
  } finally {
    await say(`stopped after ${seen >= 100 ? "enough" : "too few"} points`);
  }
});

for await (const { seen, a, b, loss } of fitting) {
  console.log(`${seen} points: y = ${a.toFixed(2)} x + ${b.toFixed(2)}`);
  if (loss < 1e-4) break; // runs the `finally` over there, and lets go of the points
}
