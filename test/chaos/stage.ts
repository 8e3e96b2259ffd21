/** What the drivers of the world need: servers, a platform, ledgers, and a network where this machine allows one. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NatsServer } from "../harness/nats.ts";
import { HUB, Network } from "../harness/networks.ts";
import { Platform } from "../harness/platform.ts";
import { RedisServer } from "../harness/redis.ts";
import { Relay } from "../harness/relay.ts";
import { Runs } from "./runs.ts";

/** The victim's, and its machines'. */
export interface Cables {
  readonly driver: Network;
  readonly machines: Network;
}

export interface Stage extends AsyncDisposable {
  readonly host: string;
  /** Or why there are none. */
  readonly cables: Cables | string;
  readonly server: NatsServer;
  /** Before the server, for the witness. */
  readonly relay: Relay;
  readonly redis: RedisServer;
  readonly platform: Platform;
  readonly runs: Runs;
  /** The file in which those who have a name write down their turns. */
  readonly turns: string;
}

/** `noNetworks`: why there can be no cables, if there can be none. */
export async function setStage(hints: boolean, noNetworks: string | undefined): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const host = noNetworks === undefined ? HUB : "127.0.0.1";
  const cables = noNetworks ?? { driver: await Network.make(), machines: await Network.make() };
  const folder = await mkdtemp(join(tmpdir(), "bonfire-chaos-"));
  stack.defer(() => rm(folder, { recursive: true }));
  const turns = join(folder, "turns");
  await writeFile(turns, "");
  const server = stack.use(await NatsServer.start({ hints, jetstream: true, host }));
  const relay = stack.use(await Relay.before(server.port, { host }));
  const bind = ["--bind", "127.0.0.1", ...(noNetworks === undefined ? [host] : [])];
  const redis = stack.use(await RedisServer.start(...bind, "--protected-mode", "no"));
  const runs = stack.use(await Runs.start(host));
  const platform = stack.use(await Platform.start({ host }));
  const all = stack.move();
  const dispose = () => all.disposeAsync();
  return { host, cables, server, relay, redis, platform, runs, turns, [Symbol.asyncDispose]: dispose };
}
