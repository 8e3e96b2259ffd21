/** Machines on a network of their own, whose cables a test can pull: Linux network namespaces behind a bridge. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const PREFIX = "bonf";

async function ip(command: string): Promise<string> {
  return (await run("ip", command.split(" "))).stdout;
}

/** A namespace, as a machine on its own cable. */
export class NetworkPlace {
  /** Runs the command behind it there, in the same process. */
  readonly via: readonly string[];
  readonly #bridge: string;
  readonly #name: string;

  constructor(bridge: string, name: string) {
    this.#bridge = bridge;
    this.#name = name;
    this.via = ["ip", "netns", "exec", name];
  }

  /** From now on every packet is dropped, in both directions, and nobody is told. */
  async cut(): Promise<void> {
    await ip(`link set ${this.#name} nomaster`);
  }

  async heal(): Promise<void> {
    await ip(`link set ${this.#name} master ${this.#bridge}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The cable goes with either end; the other end is in the namespace, which lasts until its last process has ended.
    await ip(`link del ${this.#name}`);
    await ip(`netns del ${this.#name}`);
  }
}

export class Network implements AsyncDisposable {
  /** The address of this machine, as the others see it. */
  readonly host: string;
  readonly #bridge: string;
  readonly #subnet: string;
  #last = 1;

  private constructor(bridge: string, subnet: string) {
    this.#bridge = bridge;
    this.#subnet = subnet;
    this.host = `${subnet}.1`;
  }

  /** The network; or the reason why there can be none on this machine. */
  static async start(): Promise<Network | string> {
    if (process.platform !== "linux") return "network namespaces are Linux's";
    if (process.getuid?.() !== 0) return "only root may make network namespaces";
    const bridge = `${PREFIX}${process.pid}`;
    try {
      await removeAbandoned();
      const taken = await ip("-4 addr show");
      const subnet = subnets().find((subnet) => !taken.includes(` ${subnet}.`));
      if (!subnet) return "no subnet of 10.213.0.0/16 is free";
      await ip(`link add ${bridge} type bridge`);
      await ip(`addr add ${subnet}.1/24 dev ${bridge}`);
      await ip(`link set ${bridge} up`);
      const network = new Network(bridge, subnet);
      // Some machines have bridges, and no namespaces.
      await (await network.add())[Symbol.asyncDispose]();
      return network;
    } catch (error) {
      await ip(`link del ${bridge}`).catch(() => undefined); // it could not be made
      return (error as Error).message.trim();
    }
  }

  /** One more machine, of at most 253. Its address is not used again. */
  async add(): Promise<NetworkPlace> {
    const octet = ++this.#last;
    const name = `${this.#bridge}v${octet}`;
    await ip(`netns add ${name}`);
    await ip(`link add ${name} type veth peer name eth0 netns ${name}`);
    await ip(`-n ${name} addr add ${this.#subnet}.${octet}/24 dev eth0`);
    await ip(`-n ${name} link set lo up`);
    await ip(`-n ${name} link set eth0 up`);
    await ip(`link set ${name} master ${this.#bridge} up`);
    return new NetworkPlace(this.#bridge, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ip(`link del ${this.#bridge}`);
  }
}

function subnets(): string[] {
  const first = process.pid % 256;
  return Array.from({ length: 256 }, (_, i) => `10.213.${(first + i) % 256}`);
}

/** What a process that was killed has left. */
async function removeAbandoned(): Promise<void> {
  const links = (await ip("-o link show")).matchAll(new RegExp(`\\d+: (${PREFIX}(\\d+)(v\\d+)?)[@:]`, "g"));
  for (const [, link, pid] of links) if (!existsSync(`/proc/${pid}`)) await ip(`link del ${link}`);
  const places = (await ip("netns list")).matchAll(new RegExp(`^(${PREFIX}(\\d+)v\\d+)`, "gm"));
  for (const [, place, pid] of places) if (!existsSync(`/proc/${pid}`)) await ip(`netns del ${place}`);
}
