/** Actors with names, keys and states for the tests. */
import {
  Actor,
  type AnyRef,
  type Fire,
  type HostOptions,
  type Ref,
  type SpawnOptions,
} from "@bonfire/runtime";

/** Notes what it is told, and keeps that. */
export class Ledger extends Actor {
  static readonly reentrant = ["peek"] as const;
  static made = 0;
  #entries: unknown[] = [];
  #restored = false;
  readonly #label: string;

  constructor(label = "") {
    super();
    Ledger.made++;
    this.#label = label;
  }

  override onStart(): void | Promise<void> {
    if (this.#label === "fails") throw new RangeError("no such ledger");
  }

  override snapshot(): unknown {
    return this.#entries;
  }

  override restore(entries: unknown[]): void {
    this.#entries = entries;
    this.#restored = true;
  }

  add(entry: unknown): number {
    return this.#entries.push(entry);
  }

  async addSlowly(entry: unknown): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return this.add(entry);
  }

  entries(): unknown[] {
    return this.#entries;
  }

  peek(): number {
    return this.#entries.length;
  }

  state(): { label: string; pid: number; restored: boolean; token: bigint; entries: number } {
    const entries = this.#entries.length;
    return { label: this.#label, pid: process.pid, restored: this.#restored, token: this.token, entries };
  }

  hang(): Promise<void> {
    return new Promise(() => {});
  }

  async *count(to: number, ms: number): AsyncGenerator<number> {
    for (let n = 0; n < to; n++) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      yield n;
    }
  }

  crash(): void {
    this.stop(new Error("crashed"));
  }

  end(): void {
    this.stop();
  }
}

/** A ledger of which nothing is kept. */
export class Plain extends Actor {
  #count = 0;
  add(): number {
    return ++this.#count;
  }
  pid(): number {
    return process.pid;
  }
  hang(): Promise<void> {
    return new Promise(() => {});
  }
  async use(ledger: Ref<Ledger>, entry: unknown): Promise<number> {
    return await ledger.add(entry);
  }
  myToken(): bigint {
    return this.token;
  }
}

/** Says of each turn under which token it ran. */
export class Turns extends Actor {
  turn(): string {
    const token = String(this.token);
    console.log(`turn ${token} ${process.hrtime.bigint()}`);
    return token;
  }
}

/** Uses names in its own process on behalf of a test. */
export class Clerk extends Actor {
  readonly #fire: Fire;

  constructor(fire: Fire) {
    super();
    this.#fire = fire;
  }

  async ledger(options: Omit<SpawnOptions, "store"> = {}): Promise<Ref<Ledger>> {
    const ledger = await this.#fire.spawn(Ledger, [], options);
    this.#fire.monitor(ledger, (reason) => {
      const { code } = (reason.kind === "error" ? reason.error : {}) as { code?: string };
      console.log(`ended ${reason.kind} ${code}`);
    });
    return ledger;
  }

  plain(): Promise<Ref<Plain>> {
    return this.#fire.spawn(Plain, []);
  }

  async register(name: string, ref: AnyRef, ttl: `${number}ms`): Promise<bigint> {
    return (await this.#fire.register(name, ref, { ttl })).token;
  }

  async host(options: Omit<HostOptions, "store"> = {}): Promise<void> {
    await this.#fire.host(Ledger, options);
  }

  async join(group: string): Promise<Ref<Plain>> {
    const plain = await this.plain();
    await this.#fire.join(group, plain);
    return plain;
  }

  close(): void {
    void this.#fire.close();
  }
}
