import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Backend, BackendError, type LaunchRequest, type Machine } from "../src/backend/port.ts";
import { Machines } from "../src/supervisor/machines.ts";

/** A platform of which nothing is left but its list. */
class Platform implements Backend {
  readonly name = "platform";
  readonly machines = new Map<string, Machine>();
  asked = 0;
  /** What becomes of a launch: the machine is there, and an answer came or was lost. */
  launches: (readonly [there: boolean, answered: boolean])[] = [];

  async launch({ launchId, owner }: LaunchRequest): Promise<Machine> {
    const [there, answered] = this.launches[this.asked++] ?? [true, true];
    const machine: Machine = { launchId, owner, phase: "running" };
    if (there) this.machines.set(launchId, machine);
    if (!answered) throw new BackendError("transient", "the answer was lost", { mayExist: true });
    return machine;
  }

  async list({ owner }: { owner: string }): Promise<readonly Machine[]> {
    return [...this.machines.values()].filter((machine) => machine.owner === owner);
  }

  async terminate(launchId: string): Promise<void> {
    this.machines.delete(launchId);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const request = (launchId: string) => ({ launchId, owner: "d", pool: "p" }) as LaunchRequest;
const machinesOf = (platform: Platform) => new Machines(platform, { owner: "d", pool: "p" });
const ledger =
  (...ids: string[]) =>
  () => ({ known: new Set(ids), expected: new Set(ids) });

test("a launch whose answer was lost is not made again if the list has the machine", async () => {
  const platform = new Platform();
  platform.launches = [[true, false]];
  await machinesOf(platform).launch(request("e1"), new AbortController().signal);
  assert.is(platform.asked, 1);
});

test("a launch whose answer was lost is made again if the list has no machine, also later", async () => {
  const platform = new Platform();
  platform.launches = [[false, false]];
  await machinesOf(platform).launch(request("e1"), new AbortController().signal);
  assert.is(platform.asked, 2);
  assert.is(platform.machines.size, 1);
});

test("a launch that is given up while its answer is in doubt rejects", async () => {
  const platform = new Platform();
  platform.launches = [[false, false]];
  const signal = AbortSignal.timeout(50);
  const error = await machinesOf(platform)
    .launch(request("e1"), signal)
    .catch((thrown: Error) => thrown);
  assert.instance(error, Error);
  assert.is(platform.asked, 1);
});

test("machines that nobody knows are ended when they are listed twice in a row", async () => {
  const platform = new Platform();
  for (const id of ["e1", "stray"]) platform.machines.set(id, { launchId: id, owner: "d", phase: "running" });
  const machines = machinesOf(platform);
  await machines.reconcile(ledger("e1"));
  assert.equal([...platform.machines.keys()], ["e1", "stray"]);
  await machines.reconcile(ledger("e1"));
  await machines.settled();
  assert.equal([...platform.machines.keys()], ["e1"]);
});

test("executors are lost when the platform does not list them twice in a row, and not when it lags once", async () => {
  const platform = new Platform();
  const machines = machinesOf(platform);
  assert.equal(await machines.reconcile(ledger("e1")), []);
  platform.machines.set("e1", { launchId: "e1", owner: "d", phase: "running" });
  assert.equal(await machines.reconcile(ledger("e1")), []);
  platform.machines.clear();
  assert.equal(await machines.reconcile(ledger("e1")), []);
  assert.equal(await machines.reconcile(ledger("e1")), ["e1"]);
});

test("adopted machines are found under the name of the driver that launched them, and its strays are ended too", async () => {
  const platform = new Platform();
  const machine = (launchId: string): Machine => ({ launchId, owner: "gone", phase: "running" });
  for (const id of ["adopted", "stray"]) platform.machines.set(id, machine(id));
  const machines = machinesOf(platform);
  assert.equal(await machines.reconcile(ledger("adopted")), []);
  machines.include("gone");
  for (let round = 0; round < 3; round++) assert.equal(await machines.reconcile(ledger("adopted")), []);
  await machines.settled();
  assert.equal([...platform.machines.keys()], ["adopted"]);
  platform.machines.clear();
  assert.equal(await machines.reconcile(ledger("adopted")), []);
  assert.equal(await machines.reconcile(ledger("adopted")), ["adopted"]);
});

test("a machine that is another supervisor's by now is not ended", async () => {
  const platform = new Platform();
  for (const id of ["ours", "theirs"])
    platform.machines.set(id, { launchId: id, owner: "d", phase: "running" });
  const machines = new Machines(platform, { owner: "d", pool: "p" }, (id) => id !== "theirs");
  await machines.terminate("theirs", 0, "idle");
  await machines.reconcile(ledger());
  await machines.reconcile(ledger());
  await machines.settled();
  assert.equal([...platform.machines.keys()], ["theirs"]);
});

test("a list that fails decides nothing", async () => {
  const platform = new Platform();
  const machines = machinesOf(platform);
  await machines.reconcile(ledger("e1"));
  platform.list = () => Promise.reject(new BackendError("rate-limited", "too many"));
  assert.equal(await machines.reconcile(ledger("e1")), []);
});

test.run();
