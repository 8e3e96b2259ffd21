/** What chaos is done to: drivers that call without a pause, and the harness's own account of what belongs to whom. */
import { commandsOf, descendants, untilGone } from "../harness/gone.ts";
import { until } from "../harness/outcome.ts";
import type { MachineRecord } from "../harness/platform.ts";
import { Program } from "../harness/program.ts";
import { Census } from "./census.ts";
import { CALL_MS, Driver, machineNow } from "./driver.ts";
import { checkTurns } from "./holder.ts";
import type { Log } from "./log.ts";
import type { Stage } from "./stage.ts";

const EXECUTORS = 2;
/** Whatever belonged to somebody who is gone has to be gone after so long: the lease, and the time to end. */
const BOUND_MS = 9_000;
/** With two faults at once one counts from the end of the other: NATS may be away for 4 s, and is then joined again. */
const SECOND_FAULT_MS = 8_000;

/**
 * The witness only has to bear what befalls everyone, behind the relay. The victim has a pool of its own, and network
 * cables of its own where that is possible. The pair shares a pool.
 */
export type Role = "witness" | "victim" | "pair";

export class World {
  readonly stage: Stage;
  readonly log: Log;
  /** Those that ought to be well. */
  readonly drivers: Driver[] = [];
  readonly calls = { started: 0, ended: 0, failed: 0 };
  /** Executors that may end although a driver of their pool is well: the fault was done to them, or nobody well used them. */
  readonly excused = new Set<string>();
  /** In how many ms everything of one who is gone has to be gone. */
  bound = BOUND_MS;
  readonly #storeOfPair: "nats" | "redis";
  readonly #census: Census;
  readonly #violations: string[] = [];
  /** Drivers to whom nothing was done: how many calls of theirs had failed before, and how more may until the next check. */
  readonly #bearing = new Map<Driver, { failures: number; mayFail: RegExp }>();
  #isDouble = false;
  #pools = 0;

  constructor(stage: Stage, log: Log, storeOfPair: "nats" | "redis") {
    this.stage = stage;
    this.log = log;
    this.#storeOfPair = storeOfPair;
    this.#census = new Census(stage.platform);
  }

  /** Sentences about what must not be. */
  get violations(): readonly string[] {
    return [...this.#violations, ...this.#census.violations, ...this.stage.runs.violations];
  }

  violate(sentence: string): void {
    this.log.write("violation", { sentence });
    this.#violations.push(sentence);
  }

  /** Whether two faults are done at once. */
  set isDouble(isDouble: boolean) {
    this.#isDouble = isDouble;
    this.bound = isDouble ? BOUND_MS + SECOND_FAULT_MS : BOUND_MS;
  }

  /** Puts others in the place of those who are gone. */
  async refill(): Promise<void> {
    for (const role of ["witness", "victim", "pair"] as const)
      while (this.of(role).length < (role === "pair" ? 2 : 1)) await this.#addDriver(role);
  }

  async #addDriver(role: Role): Promise<void> {
    const { server, relay, redis, platform, runs, turns, cables } = this.stage;
    const servers = new URL(server.url);
    if (role === "witness") servers.host = `127.0.0.1:${relay.port}`;
    const mate = this.of(role)[0];
    const pool = role === "pair" && mate ? mate.pool : `${role}-${++this.#pools}`;
    const hasCables = role === "victim" && typeof cables !== "string";
    if (hasCables) platform.via.set(pool, cables.machines.via);
    const elected = { ELECTED: "1", ...(this.#storeOfPair === "redis" && { REDIS: redis.url }) };
    const program = new Program("chaos/driver-program.ts", {
      flags: ["--expose-gc"],
      via: hasCables ? cables.driver.via : [],
      env: {
        NATS_URL: servers.href,
        PLATFORM: platform.url,
        RUNS: runs.url,
        TURNS: turns,
        POOL: pool,
        EXECUTORS: String(EXECUTORS),
        // One name for the two stores that there may be: of each, one process at a time has it.
        ...(role === "pair" ? { ...elected, NAME: "of-pair" } : { NAME: "of-all" }),
      },
    });
    const ready = await program.line(/^ready (\S+)/).catch(async (error: Error) => {
      await program[Symbol.asyncDispose]();
      throw error;
    });
    const id = ready[1] as string;
    const driver = new Driver({ program, id, pool, role });
    this.drivers.push(driver);
    this.log.write("driver", { id, role, pool, pid: program.pid });
    if (role !== "witness") await this.#watch(driver);
  }

  /** Lets the witness watch an actor of the driver, and with it the driver. */
  async #watch(driver: Driver): Promise<void> {
    const beacon = await driver.ask("beacon", /^beacon (\S+)/);
    driver.watchedSince = machineNow();
    this.of("witness")[0]?.program.say(`watch ${beacon[1]}`);
  }

  of(role: Role): Driver[] {
    return this.drivers.filter((driver) => driver.role === role);
  }

  /** The machines that the driver has launched, and that run; of a shared pool others may have taken them over. */
  machinesOf({ id }: Driver): MachineRecord[] {
    return this.stage.platform.running.filter(({ owner }) => owner === id);
  }

  machinesOfPool(pool: string): MachineRecord[] {
    return this.stage.platform.running.filter((machine) => machine.pool === pool);
  }

  excuse(machines: readonly MachineRecord[]): void {
    for (const { launchId } of machines) this.excused.add(launchId);
  }

  /** The machines that nobody would have any more without these drivers. */
  machinesOnlyOf(drivers: readonly Driver[]): MachineRecord[] {
    const others = this.drivers.filter((driver) => !drivers.includes(driver));
    return this.stage.platform.running.filter(
      ({ pool }) =>
        drivers.some((driver) => driver.pool === pool) && !others.some((driver) => driver.pool === pool),
    );
  }

  /** What is done now is done to others: no call of the driver may fail by it, until the next check. */
  mustBear(driver: Driver): void {
    // With two faults at once the other one may break links.
    const mayFail = this.#isDouble ? /^(LINK_DOWN|CALL_LOST|CALL_TIMEOUT) / : /^$/;
    this.#bearing.set(driver, { failures: driver.failures.length, mayFail });
  }

  /** Every process on the machines. */
  async processesOn(machines: readonly MachineRecord[]): Promise<number[]> {
    const agents = machines.map(({ pid }) => pid);
    const below = await Promise.all(agents.map(descendants));
    return [...agents, ...below.flat()];
  }

  /** The cells on the machines: one for each driver that has called there. */
  async cellsOn(machines: readonly MachineRecord[]): Promise<number[]> {
    const below = (await Promise.all(machines.map(({ pid }) => descendants(pid)))).flat();
    const commands = await Promise.all(below.map((pid) => commandsOf([pid])));
    return below.filter((_, i) => /^\S*node .*cell\.js/.test(commands[i] as string));
  }

  /** In how many ms all of the processes are gone. */
  async untilGone(pids: readonly number[], whose: string): Promise<number> {
    const start = performance.now();
    await untilGone(pids, this.bound).catch((error: Error) =>
      this.violate(`orphans of ${whose}: ${error.message}`),
    );
    return performance.now() - start;
  }

  /** Ends drivers in the given way: in how many ms the last machine is gone of those that nobody else has. */
  async end(drivers: readonly Driver[], how: (driver: Driver) => void): Promise<Times> {
    const pids = await this.processesOn(this.machinesOnlyOf(drivers));
    const start = machineNow();
    for (const driver of drivers) {
      this.drivers.splice(this.drivers.indexOf(driver), 1);
      how(driver);
    }
    const whose = drivers.map(({ id }) => id).join(" and ");
    const teardown = pids.length > 0 ? await this.untilGone(pids, whose) : undefined;
    // One that was being launched as its driver ended is seen only now.
    const left = () => this.machinesOnlyOf(drivers).length;
    await until(() => left() === 0, this.bound).catch(() => this.violate(`machines of ${whose} outlive it`));
    const detections = await Promise.all(drivers.map(({ id }) => this.detection(id, start)));
    for (const { program } of drivers) await program[Symbol.asyncDispose]();
    return { detection: Math.max(...detections), teardown };
  }

  /** How many ms after `start` another driver takes the node for gone: its own driver, or the witness. */
  async detection(node: string, start: number): Promise<number> {
    const said = () =>
      this.drivers.map((driver) => driver.tookForGone(node, start)).find((at) => at !== undefined);
    await until(() => said() !== undefined, this.bound).catch(() =>
      this.violate(`nobody took ${node} for gone`),
    );
    return (said() ?? Number.NaN) - start;
  }

  /** What must not be now, after the fault. */
  async check(fault: string): Promise<void> {
    for (const driver of this.drivers) {
      if (driver.program.child.exitCode !== null || driver.program.child.signalCode !== null)
        this.violate(
          `after ${fault}, ${driver.id} has ended by itself: ${driver.program.output.slice(-2_000)}`,
        );
      for (const [line] of driver.lines(/^(stuck|wrong|close failed) .*$/))
        this.violate(`${driver.id}: ${line}`);
    }
    await Promise.all(this.drivers.map((driver) => this.#untilWell(driver, fault)));
    this.#checkTeardowns(fault);
    this.#checkFailures(fault);
    // Whoever was taken for gone and is back is not watched any more.
    const [witness] = this.of("witness");
    for (const driver of this.drivers)
      if (driver !== witness && witness?.tookForGone(driver.id, driver.watchedSince))
        await this.#watch(driver);
    for (const sentence of checkTurns(this.stage.turns).violations) this.violate(sentence);
  }

  /** Machines that ended, or were told to, while a driver of their pool was well and nothing had been done to them. */
  #checkTeardowns(fault: string): void {
    for (const machine of this.stage.platform.ledger.values()) {
      const { launchId, owner, pool, condemnedAt, endedAt, how } = machine;
      const driver = this.drivers.find((driver) => driver.pool === pool);
      const hasEnded = condemnedAt !== undefined || endedAt !== undefined;
      if (!driver || !hasEnded || this.excused.has(launchId) || this.#wasAboveMax(machine)) continue;
      this.excused.add(launchId); // told once
      const by = condemnedAt === undefined ? `ended (${how})` : "was terminated";
      const why = driver.lines(/^gone .*$/).at(-1)?.[0] ?? "which took nobody for gone";
      this.violate(
        `after ${fault}, ${launchId} of ${owner} ${by} for no reason: used by ${driver.id} (${driver.role}): ${why}`,
      );
    }
  }

  /** Whoever opens a pool while nobody can be elected may lead it before those who use its executors tell of them. */
  #wasAboveMax({ pool, condemnedAt = 0 }: MachineRecord): boolean {
    const others = [...this.stage.platform.ledger.values()].filter(
      (other) =>
        other.pool === pool &&
        other.launchedAt <= condemnedAt &&
        Math.min(other.condemnedAt ?? Infinity, other.endedAt ?? Infinity) >= condemnedAt,
    );
    return others.length > EXECUTORS;
  }

  #checkFailures(fault: string): void {
    for (const [driver, { failures, mayFail }] of this.#bearing) {
      const mayNot = driver.failures.slice(failures).filter((failure) => !mayFail.test(failure));
      if (mayNot.length > 0 && this.drivers.includes(driver))
        this.violate(`after ${fault}, ${mayNot.length} calls of ${driver.id} failed: ${mayNot[0]}`);
    }
    this.#bearing.clear();
  }

  /** Its pool has the executors that it should have, and not one more, and a call of it succeeds. */
  async #untilWell(driver: Driver, fault: string): Promise<void> {
    const machines = () => this.machinesOfPool(driver.pool).length;
    await until(() => machines() === EXECUTORS, CALL_MS).catch(() =>
      this.violate(`after ${fault}, ${driver.pool} has ${machines()} executors, not ${EXECUTORS}`),
    );
    const endBy = performance.now() + CALL_MS;
    for (;;) {
      const answer = await driver.ask("call", /^call(ed| failed .*)$/).catch(() => undefined);
      if (answer?.[0] === "called") return;
      if (performance.now() < endBy && answer) continue;
      this.violate(
        `after ${fault}, ${driver.id} (${driver.role}) is not served: ${answer?.[0] ?? "no answer"}`,
      );
      return;
    }
  }

  /** Lets its calls end, and counts them. */
  async rest(driver: Driver): Promise<void> {
    const answer = await driver.ask("rest", /^rested (\d+) (\d+) (\d+)/).catch(() => undefined);
    if (!answer) return this.violate(`calls of ${driver.id} never ended`);
    const [started, ended, failed] = answer.slice(1).map(Number) as [number, number, number];
    if (started !== ended) this.violate(`${driver.id} made ${started} calls and saw ${ended} ends`);
    this.calls.started += started;
    this.calls.ended += ended;
    this.calls.failed += failed;
  }

  async usageOf(driver: Driver): Promise<{ mb: number; handles: number }> {
    const [, mb, handles] = await driver.ask("usage", /^usage (\d+) (\d+)/);
    return { mb: Number(mb), handles: Number(handles) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#census.stop();
    for (const { program } of this.drivers) await program[Symbol.asyncDispose]();
  }
}

/** In ms; undefined for what a fault does not have. */
export interface Times {
  readonly detection?: number | undefined;
  readonly teardown?: number | undefined;
}
