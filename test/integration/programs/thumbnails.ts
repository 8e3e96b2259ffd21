/** A static and a dynamic import of a native package in closures, and one in a file that a closure imports. */
import { connect } from "@bonfire/runtime";
import sharp from "sharp";
import { is } from "uvu/assert";
import { flipped } from "./flipped.ts";

await using fire = await connect();
const red = { create: { width: 8, height: 6, channels: 3, background: "red" } } as const;

for (const realm of ["isolate", "process"] as const) {
  const pool = await fire.pool(realm, { realm, grants: { hostModules: ["sharp"] }, max: 1 });
  const png = await pool.call(async () => sharp(red).resize(4).png().toBuffer());
  const sizes = await pool.call(async () => {
    const { default: dynamic } = await import("sharp");
    const { width, height } = await dynamic(await flipped(png)).metadata();
    return [width, height];
  });
  console.log(`${realm}: ${Buffer.isBuffer(png)} ${sizes.join("x")}`);
  await pool.close();
}

const hosted = await fire.pool("hosted", { grants: { hostModules: ["uvu"] }, max: 1 });
// What a host module returns is a proxy until it is awaited.
console.log(`hosted: ${await hosted.call(async () => typeof is(1, 1))}`);

const bare = await fire.pool("bare", { max: 1 });
console.log(`bundled: ${await bare.call(async () => typeof is(1, 1))}`);
const refusals = await Promise.allSettled([
  bare.call(async () => sharp(red).png().toBuffer()),
  bare.call(async () => (await import("sharp")).default(red).png().toBuffer()),
]);
for (const refusal of refusals) if (refusal.status === "rejected") console.log(refusal.reason.message);
