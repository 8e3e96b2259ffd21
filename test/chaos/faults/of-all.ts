/** What befalls everyone: servers and the network between. */
import { once } from "node:events";
import { connect as dial } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Driver } from "../driver.ts";
import type { World } from "../world.ts";
import { type Fault, NOBODY } from "./fault.ts";

const CHUNK = Buffer.alloc(512 << 10);
const CHUNKS = 128;

function witnessOf(world: World): Driver {
  return world.of("witness")[0] as Driver;
}

/** A client of nats-server in as many lines as it takes to subscribe, or to publish. */
async function rawClient({ stage }: World): Promise<ReturnType<typeof dial>> {
  const { hostname, port, username, password } = new URL(stage.server.url);
  const socket = dial(Number(port), hostname);
  // The server closes it when it is slow, which is what this is about.
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  const login = username ? { user: username, pass: password } : {};
  socket.write(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...login })}\r\n`);
  return socket;
}

export const FAULTS_OF_ALL: readonly Fault[] = [
  {
    name: "kill -9 of nats-server, back after 0 to 4 s",
    befalls: "all",
    async run({ stage }, random) {
      await stage.server.kill();
      await pause(random.between(0, 4_000));
      await stage.server.restart();
      return NOBODY;
    },
  },
  {
    name: "kill -9 of redis-server, back after 0 to 6 s",
    befalls: "all",
    async run({ stage }, random) {
      await stage.redis.kill();
      await pause(random.between(0, 6_000));
      await stage.redis.restart();
      return NOBODY;
    },
  },
  {
    name: "a relay that drops everything for 1 to 3 s",
    befalls: "all",
    async run({ stage: { relay } }, random) {
      relay.silence();
      await pause(random.between(1_000, 3_000));
      relay.heal();
      return NOBODY;
    },
  },
  {
    name: "connections that are reset for 50 to 500 ms",
    befalls: "all",
    async run({ stage: { relay } }, random) {
      relay.refuse();
      await pause(random.between(50, 500));
      relay.heal();
      return NOBODY;
    },
  },
  {
    name: "a driver's sockets stall for 1 to 3 s while data flows",
    befalls: "all",
    async run(world, random) {
      const { relay } = world.stage;
      const answer = world.of("witness")[0]?.ask("flood", /^flooded (.*)$/);
      await pause(random.between(0, 100));
      relay.stall();
      await pause(random.between(1_000, 3_000));
      relay.heal();
      const said = (await answer?.catch(() => undefined))?.[1] ?? "never";
      // A link that the client gave up as it was silent is a fault of the call; that data is wrong never may be.
      if (said === "in part" || said === "never") world.violate(`${witnessOf(world).id}: 8 MiB came ${said}`);
      return NOBODY;
    },
  },
  {
    name: "a client that reads nothing of all that is sent, and 64 MiB for it",
    befalls: "all",
    async run(world) {
      const [slow, loud] = [await rawClient(world), await rawClient(world)];
      slow.pause().write("SUB > 1\r\n");
      for (let i = 0; i < CHUNKS && !loud.destroyed; i++) {
        loud.write(`PUB chaos.flood ${CHUNK.length}\r\n`);
        loud.write(CHUNK);
        await new Promise<void>((resolve) => void loud.write("\r\n", () => resolve()));
      }
      await pause(2_000);
      slow.destroy();
      loud.destroy();
      return NOBODY;
    },
  },
];
