/**
 * Networks of the kernel's own, with a link that drops packets while it is down. Whoever uses them runs inside of
 * `insideNetworks`, and is the hub that each network has its link to; all of them end with that process.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Set in the process that has networks of its own. */
const INSIDE = "BONFIRE_TEST_NETWORKS";
/** Under which the hub is reached from everywhere, whichever links are down. */
export const HUB = "198.51.100.254";
const ENTER = `
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up
ip addr add ${HUB}/32 dev lo
export ${INSIDE}=1
exec "$@"
`;

/**
 * Runs this program again, alone on networks of its own, and ends as it did. Returns in that process; or in this one,
 * with the reason, if there can be none.
 */
export async function insideNetworks(): Promise<string | undefined> {
  if (process.env[INSIDE]) return undefined;
  const own = ["--net", "--mount", "sh", "-c"];
  const probe = `${ENTER.replace('exec "$@"', "")} ip netns add probe && ip link add name probe type veth peer name other`;
  try {
    await run("unshare", [...own, probe]);
  } catch (error) {
    return `no network namespaces can be made here: ${(error as Error).message.trim().split("\n").at(-1)}`;
  }
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn("unshare", [...own, ENTER, "sh", ...again], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  process.exit(code ?? 1);
}

let made = 0;

/** A network with one link to the hub; addresses are those that are kept for documentation. */
export class Network {
  readonly name: string;
  /** Under which the hub is reached from there. */
  readonly hub: string;
  readonly #link: string;

  private constructor(number: number) {
    this.name = `n${number}`;
    this.#link = `hub${number}`;
    this.hub = `198.51.100.${number * 4 + 1}`;
  }

  static async make(): Promise<Network> {
    const network = new Network(++made);
    const { name } = network;
    const there = `198.51.100.${made * 4 + 2}`;
    await run("ip", ["netns", "add", name]);
    await run("ip", ["link", "add", network.#link, "type", "veth", "peer", "name", "out", "netns", name]);
    await run("ip", ["addr", "add", `${network.hub}/30`, "dev", network.#link]);
    await run("ip", ["-n", name, "addr", "add", `${there}/30`, "dev", "out"]);
    for (const device of ["lo", "out"]) await run("ip", ["-n", name, "link", "set", device, "up"]);
    await network.mend();
    await run("ip", ["-n", name, "route", "add", HUB, "via", network.hub]);
    return network;
  }

  /** What a command has to begin with to run there; it keeps its process id. */
  get via(): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.name}`];
  }

  /** From now on every packet is dropped, both ways. */
  async cut(): Promise<void> {
    await run("ip", ["link", "set", this.#link, "down"]);
  }

  async mend(): Promise<void> {
    await run("ip", ["link", "set", this.#link, "up"]);
  }
}
