/** The bench's other process: an actor to ask, and a Moleculer service that does the same. */
import { Actor, connect } from "@bonfire/runtime";
import { ServiceBroker } from "moleculer";

export class Adder extends Actor {
  #value = 0;
  add(n: number): number {
    this.#value += n;
    return this.#value;
  }
}

/** An actor that does nothing, to be counted. */
export class Idle extends Actor {
  #hits = 0;
  hit(): number {
    this.#hits++;
    return this.#hits;
  }
}

/** The settings with which Moleculer joins the bench's nats-server. */
export function moleculer(nodeID: string, { servers, user, password }: Record<string, any>) {
  const options = { servers: [...servers], user, pass: password };
  return new ServiceBroker({ nodeID, transporter: { type: "NATS", options }, logger: false });
}

if (process.env.BENCH_NATS !== undefined && process.send) {
  const address = JSON.parse(process.env.BENCH_NATS);
  const { servers, user, password } = address;
  const fire = await connect({ servers, user, password });
  const adder = await fire.spawn(Adder, []);
  let sum = 0;
  const broker = moleculer("bench-host", address);
  broker.createService({
    name: "adder",
    actions: {
      add: (context: { params: { n: number } }) => {
        sum += context.params.n;
        return sum;
      },
    },
  });
  await broker.start();
  process.on("disconnect", async () => {
    await broker.stop();
    await fire.close();
    process.exit();
  });
  process.send(adder.address);
}
