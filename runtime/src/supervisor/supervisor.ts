/**
 * The actor that decides how many executors a pool has. It gathers what drivers need and what executors do, asks
 * `decide`, and carries the decision out through the backend. Drivers call executors directly on leased slots; this
 * actor is on no warm call's path.
 */
import { BonfireError } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";
import type { Address } from "../actor/address.ts";
import type { Reason } from "../actor/reason.ts";
import { reasonError } from "../actor/reason.ts";
import { type AnyRef, placeOf } from "../actor/ref.ts";
import type { Bootstrap } from "../backend/bootstrap.ts";
import { type Backend, BackendError } from "../backend/port.ts";
import { newNodeId } from "../bus/node-id.ts";
import type { PoolClient } from "../pool/client.ts";
import { type Action, decide, type Policy } from "./decide.ts";
import { DriverRecord, type Report } from "./driver-record.ts";
import { ExecutorRecord } from "./executor-record.ts";

const RETRY_MS = 250;
const RETRY_MAX_MS = 15_000;
/** Failures that no retry mends: waiters are told at once. */
const PERMANENT = new Set(["auth", "invalid", "image", "unsupported"]);

export interface SupervisorOptions {
  readonly pool: string;
  readonly policy: Policy;
  readonly backend: Backend;
  readonly bootMs: number;
  readonly shutdownMs: number;
  /** What every executor of the pool needs to know, but for its own name. */
  readonly bootstrap: Omit<Bootstrap, "executor" | "supervisor" | "registerMs" | "shutdownMs">;
}

export class Supervisor extends Actor {
  readonly #options: SupervisorOptions;
  readonly #drivers = new Map<string, DriverRecord>();
  readonly #executors = new Map<string, ExecutorRecord>();
  readonly #terminating = new Set<Promise<void>>();
  #grants = 0;
  #failures = 0;
  #lastFailure: BonfireError | undefined;
  #launchAfter = 0;
  #timer: NodeJS.Timeout | undefined;
  #unwatchBackend: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    super();
    this.#options = options;
  }

  override onStart(): void {
    this.#unwatchBackend = this.#options.backend.watch?.((id, detail) => {
      this.context.enqueue(() => this.#machineEnded(id, detail));
    });
    this.#act();
  }

  /** A driver begins to use the pool. */
  join(client: Address): { supervisor: Address; policy: Policy } {
    const id = this.context.sender;
    const driver = new DriverRecord(id, this.context.system.ref<PoolClient>(client));
    this.#drivers.set(id, driver);
    this.context.monitor(client);
    if (this.#lastFailure) driver.client.tell.bootFailed(this.#lastFailure, false);
    this.#announce();
    return { supervisor: this.context.address, policy: this.#options.policy };
  }

  /** What a driver needs and holds now. Answers false if it is not known here (any more): it must join again. */
  report(report: Report): boolean {
    const driver = this.#drivers.get(this.context.sender);
    if (!driver) return false;
    driver.reported(report);
    const idleSince = performance.now() - report.idleMs;
    for (const executor of this.#executors.values()) {
      const slots = (report.held[executor.id] ?? 0) + driver.underway(executor.id);
      executor.lease(driver.id, slots, idleSince);
    }
    this.#act();
    return true;
  }

  /** A driver cannot get a cell on an executor that it was granted: it is of no use to anybody. */
  unusable(executor: string, error: unknown): void {
    const record = this.#executors.get(executor);
    if (record) this.#failed(record, error);
  }

  /**
   * Another driver supervises a pool of this name too, as both opened it at the same moment. Of the two, the one
   * whose id sorts first stays; the other stops, and its drivers join again.
   */
  claim(): void {
    const { sender, address, system } = this.context;
    if (sender === address.node) return;
    if (sender < address.node) void this.context.stop();
    else system.tell({ node: sender, actor: address.actor }, "claim", []);
  }

  /** A driver has gone on to other things. */
  leave(): void {
    this.#forget(this.context.sender);
    this.#act();
  }

  /** An executor is up. Answers false if it is not wanted any more: it must end. */
  register(agent: Address): boolean {
    const executor = this.#executors.get(agent.node);
    if (executor?.phase.name !== "booting") return false;
    executor.become({ name: "ready", agent, unwatch: this.context.monitor(agent) });
    executor.idleSince = performance.now();
    this.#failures = 0;
    this.#launchAfter = 0;
    this.#lastFailure = undefined;
    this.#announce();
    this.#act();
    return true;
  }

  inspect() {
    const now = performance.now();
    return {
      address: this.context.address,
      policy: this.#options.policy,
      executors: [...this.#executors.values()].map((executor) => ({
        id: executor.id,
        phase: executor.phase.name,
        ageMs: Math.round(now - executor.launchedAt),
        leases: Object.fromEntries(executor.leases),
      })),
      drivers: [...this.#drivers.values()].map((driver) => driver.view()),
    };
  }

  override onDown(who: AnyRef, reason: Reason): void {
    const { node } = placeOf(who);
    const executor = this.#executors.get(node);
    if (executor) this.#lose(executor, lost(executor.id, reason));
    else this.#forget(node);
    this.#act();
  }

  override async onStop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#unwatchBackend?.();
    for (const executor of this.#executors.values()) this.#terminate(executor, "the pool closes");
    await Promise.all(this.#terminating);
  }

  #act(): void {
    const now = performance.now();
    const fleet = [...this.#executors.values()].map((executor) => executor.view());
    const { actions, wakeAt } = decide(
      [...this.#drivers.values()].map((driver) => driver.view()),
      fleet,
      this.#options.policy,
      now,
      this.#launchAfter,
    );
    for (const action of actions) this.#carryOut(action);
    clearTimeout(this.#timer);
    if (wakeAt === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.context.enqueue(() => this.#act()), Math.max(0, wakeAt - now) + 1);
  }

  #carryOut(action: Action): void {
    switch (action.kind) {
      case "launch":
        for (let i = 0; i < action.count; i++) this.#launch();
        return this.#announce();
      case "grant":
        return this.#grant(action.executor, action.driver, action.slots);
      case "recall":
        return this.#drivers.get(action.driver)?.client.tell.recall(action.keep);
      case "retire": {
        const executor = this.#executors.get(action.executor) as ExecutorRecord;
        this.#terminate(executor, "it was idle");
        return this.#announce();
      }
    }
  }

  #grant(id: string, driverId: string, slots: number): void {
    const executor = this.#executors.get(id);
    const driver = this.#drivers.get(driverId);
    if (executor?.phase.name !== "ready" || !driver) return;
    const number = ++this.#grants;
    driver.granted(number, id, slots);
    executor.lease(driverId, (executor.leases.get(driverId) ?? 0) + slots, performance.now());
    driver.client.tell.grant(number, id, executor.phase.agent, slots);
  }

  #launch(): void {
    const { pool, backend, bootMs, shutdownMs, bootstrap } = this.#options;
    const id = newNodeId("e");
    const launch = new AbortController();
    const timer = setTimeout(() => {
      const error = new BonfireError(
        "BOOT_TIMEOUT",
        `Executor ${id} did not register within ${bootMs} ms of its launch`,
      );
      this.context.enqueue(() => this.#bootFailed(id, error));
    }, bootMs);
    this.#executors.set(id, new ExecutorRecord(id, { name: "booting", launch, timer }, performance.now()));
    const request = {
      launchId: id,
      owner: this.context.system.node,
      pool,
      bootstrap: {
        ...bootstrap,
        executor: id,
        supervisor: this.context.address,
        registerMs: bootMs,
        shutdownMs,
      },
    };
    backend.launch(request, launch.signal).catch((error: unknown) => {
      this.context.enqueue(() => this.#bootFailed(id, error));
    });
  }

  #bootFailed(id: string, cause: unknown): void {
    const executor = this.#executors.get(id);
    if (executor?.phase.name === "booting") this.#failed(executor, cause);
  }

  /** An executor never became of use: drivers learn why, and the next launch waits. */
  #failed(executor: ExecutorRecord, cause: unknown): void {
    const leaseholders = [...executor.leases.keys()];
    this.#terminate(executor, "it did not become of use");
    this.#failures++;
    this.#launchAfter = performance.now() + Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (this.#failures - 1));
    const reason = cause instanceof Error ? cause.message : String(cause);
    // What a platform's client throws may hold sockets and secrets; its sentence is all that travels of it.
    const error = new BonfireError(
      "BOOT_FAILED",
      `Pool "${this.#options.pool}" cannot boot an executor: ${reason}`,
    );
    this.#lastFailure = error;
    for (const driver of leaseholders) this.#drivers.get(driver)?.client.tell.lost(executor.id, error);
    const final = cause instanceof BackendError && PERMANENT.has(cause.reason);
    for (const { client } of this.#drivers.values()) client.tell.bootFailed(error, final);
    this.#announce();
    this.#act();
  }

  /** The platform says that a machine has ended. */
  #machineEnded(id: string, detail: string): void {
    const executor = this.#executors.get(id);
    if (!executor) return;
    if (executor.phase.name === "booting") this.#bootFailed(id, new BackendError("transient", detail));
    else this.#lose(executor, new BonfireError("EXECUTOR_LOST", `Executor ${id} is gone: ${detail}`));
    this.#act();
  }

  #lose(executor: ExecutorRecord, error: BonfireError): void {
    for (const driver of executor.leases.keys())
      this.#drivers.get(driver)?.client.tell.lost(executor.id, error);
    // Whatever made it unreachable, it must not go on costing money.
    this.#terminate(executor, error.message);
    this.#announce();
  }

  /** Takes it off the offer list first, then stops it. A failure is shown as a process warning, as it costs money. */
  #terminate(executor: ExecutorRecord, reason: string): void {
    const { phase } = executor;
    if (phase.name === "booting") phase.launch.abort();
    executor.become({ name: "leaving" });
    this.#executors.delete(executor.id);
    for (const driver of this.#drivers.values()) driver.forget(executor.id);
    const ending = this.#options.backend
      .terminate(executor.id, { graceMs: this.#options.shutdownMs, reason })
      .catch((error: Error) => process.emitWarning(error))
      .finally(() => this.#terminating.delete(ending));
    this.#terminating.add(ending);
  }

  #forget(driver: string): void {
    this.#drivers.delete(driver);
    const now = performance.now();
    for (const executor of this.#executors.values()) executor.lease(driver, 0, now);
  }

  /** Tells every driver how many executors there are. */
  #announce(): void {
    let ready = 0;
    for (const executor of this.#executors.values()) if (executor.phase.name === "ready") ready++;
    for (const { client } of this.#drivers.values()) client.tell.fleet(ready, this.#executors.size - ready);
  }
}

/** What calls fail with: to them an executor that stopped in order is lost too. */
function lost(id: string, reason: Reason): BonfireError {
  const cause = reasonError(`Executor ${id}`, reason);
  return new BonfireError("EXECUTOR_LOST", cause.message, { cause });
}
