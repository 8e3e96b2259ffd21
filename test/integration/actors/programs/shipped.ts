// Spawns a class that stands in a function and captures, under the loader; prints what it does.
import { Actor, connect } from "@bonfire/runtime";

await using fire = await connect();
for (const realm of ["isolate", "process"] as const) {
  await using pool = await fire.pool(realm, { realm, max: 1 });
  const spawn = (step: number) => {
    class Stepper extends Actor {
      #at = 0;
      step(): number {
        this.#at += step;
        return this.#at;
      }
      fail(): void {
        throw new RangeError("no further");
      }
    }
    return pool.spawn(Stepper, []);
  };
  const stepper = await spawn(5);
  await stepper.step();
  console.log(`${realm} ${await stepper.step()}`);
  await stepper.fail().catch(({ stack }: Error) => console.log(`${realm} ${stack?.replaceAll("\n", " ")}`));
}
