/** What chaos is done to: a nats-server, a relay before it, a platform, and drivers that call without a pause. */
import { flock } from "../harness/flock.ts";
import { descendants, untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { type MachineRecord, Platform } from "../harness/platform.ts";
import type { Program } from "../harness/program.ts";
import { Relay } from "../harness/relay.ts";

const EXECUTORS = 2;
/** Whatever belonged to somebody who is gone has to be gone after so long: the lease, and the time to end. */
export const BOUND_MS = 9_000;
const CALL_MS = 25_000;

export interface Driver {
  readonly program: Program;
  readonly id: string;
  readonly isBehindRelay: boolean;
}

export class World implements AsyncDisposable {
  readonly server: NatsServer;
  readonly relay: Relay;
  readonly platform: Platform;
  readonly drivers: Driver[] = [];
  /** Sentences about what must not be. */
  readonly violations: string[] = [];
  readonly calls = { started: 0, ended: 0, failed: 0 };
  /** Executors that may end although their driver is well, as the fault was done to them. */
  readonly excused = new Set<string>();
  #pools = 0;

  private constructor(server: NatsServer, relay: Relay, platform: Platform) {
    this.server = server;
    this.relay = relay;
    this.platform = platform;
  }

  static async start(hints: boolean): Promise<World> {
    const server = await NatsServer.start({ hints });
    return new World(server, await Relay.before(server.port), await Platform.start());
  }

  async addDriver(isBehindRelay = false): Promise<Driver> {
    const direct = new URL(this.server.url);
    if (isBehindRelay) direct.port = String(this.relay.port);
    const program = await flock({
      url: direct.href,
      platform: this.platform,
      executors: EXECUTORS,
      flags: ["--expose-gc"],
      env: { POOL: `chaos-${++this.#pools}` },
    });
    const id = (await program.line(/^ready (\S+)/))[1] as string;
    program.say("traffic");
    const driver = { program, id, isBehindRelay };
    this.drivers.push(driver);
    return driver;
  }

  machinesOf(driver: Driver): MachineRecord[] {
    return this.platform.running.filter(({ owner }) => owner === driver.id);
  }

  /** Every process on the driver's machines. */
  async processesOf(driver: Driver): Promise<number[]> {
    const agents = this.machinesOf(driver).map(({ pid }) => pid);
    const below = await Promise.all(agents.map(descendants));
    return [...agents, ...below.flat()];
  }

  /** The driver is gone, or about to go: how long until nothing of it is left. */
  async untilNothingIsLeft(driver: Driver, pids: readonly number[]): Promise<number> {
    this.drivers.splice(this.drivers.indexOf(driver), 1);
    const start = performance.now();
    try {
      await untilGone(pids, BOUND_MS);
    } catch (error) {
      this.violations.push(`orphans of ${driver.id}: ${(error as Error).message}`);
    }
    // One that was being launched as the driver ended is seen only now.
    await until(() => this.machinesOf(driver).length === 0, BOUND_MS).catch(() =>
      this.violations.push(`machines of ${driver.id} outlive it`),
    );
    return performance.now() - start;
  }

  /** Machines that ended, or were told to, while their driver was well and nothing had been done to them. */
  checkTeardowns(fault: string): void {
    const well = new Set(this.drivers.map(({ id }) => id));
    for (const { launchId, owner, condemnedAt, endedAt, how } of this.platform.ledger.values()) {
      const hasEnded = condemnedAt !== undefined || endedAt !== undefined;
      if (!well.has(owner) || !hasEnded || this.excused.has(launchId)) continue;
      this.excused.add(launchId); // told once
      const why = this.drivers
        .find(({ id }) => id === owner)
        ?.program.output.match(/^gone .*$/gm)
        ?.at(-1);
      const by = condemnedAt === undefined ? `ended (${how})` : "was terminated";
      this.violations.push(`after ${fault}, ${launchId} of ${owner} ${by} for no reason: ${why}`);
    }
  }

  /** The driver has its executors again, and calls go through. */
  async untilWell(driver: Driver): Promise<void> {
    await until(() => this.machinesOf(driver).length >= EXECUTORS, CALL_MS).catch(() =>
      this.violations.push(`${driver.id} has fewer executors than it should`),
    );
  }

  /** Lets its calls end, and counts them. */
  async rest({ program, id }: Driver): Promise<void> {
    program.say("rest");
    await until(() => /^rested/m.test(program.output), CALL_MS).catch(() =>
      this.violations.push(`calls of ${id} never ended`),
    );
    const counts = /^rested (\d+) (\d+) (\d+)/m.exec(program.output)?.slice(1).map(Number) ?? [0, 0, 0];
    const [started, ended, failed] = counts as [number, number, number];
    if (started !== ended) this.violations.push(`${id} made ${started} calls and saw ${ended} ends`);
    this.calls.started += started;
    this.calls.ended += ended;
    this.calls.failed += failed;
  }

  async usageOf({ program }: Driver): Promise<{ mb: number; handles: number }> {
    const said = () => program.output.match(/^usage .*$/gm) ?? [];
    const before = said().length;
    program.say("usage");
    await until(() => said().length > before);
    const [, mb, handles] = (said().at(-1) as string).split(" ").map(Number) as [number, number, number];
    return { mb, handles };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program } of this.drivers) await program[Symbol.asyncDispose]();
    await this.platform[Symbol.asyncDispose]();
    await this.relay[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
