/** Actors that the tests use, in their own process and in others. */
import { Actor, type AnyRef, type Fire, placed, type Reason, type Ref } from "@bonfire/runtime";

export class Counter extends Actor {
  static readonly reentrant = ["peek", "peekSlowly"] as const;
  #value: number;
  readonly #seen: unknown[] = [];
  #gate: PromiseWithResolvers<void> | undefined;
  readonly field = () => "not a method";

  constructor(value = 0) {
    super();
    this.#value = value;
  }

  get getter(): () => string {
    return () => "not a method";
  }

  add(n: number): number {
    this.#value += n;
    return this.#value;
  }

  /** Adds what it read before a pause: two of these at a time would lose one. */
  async addSlowly(n: number): Promise<number> {
    const before = this.#value;
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.#value = before + n;
    return this.#value;
  }

  peek(): number {
    return this.#value;
  }

  async peekSlowly(): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.#value;
  }

  note(value: unknown): void {
    this.#seen.push(value);
  }

  seen(): unknown[] {
    return this.#seen;
  }

  echo<T>(value: T): T {
    return value;
  }

  fail(): never {
    throw Object.assign(new TypeError("no"), { code: "E_NO", detail: [1] });
  }

  unsendable(): unknown {
    return { fn: () => 1 };
  }

  whoAsks(): string {
    return this.sender;
  }

  me(): Ref<Counter> {
    return this.self;
  }

  /** Ends when its asker cancels, or is told to stop waiting. */
  wait(): Promise<void> {
    this.#gate = Promise.withResolvers();
    this.signal.addEventListener("abort", () => this.#gate?.resolve());
    return this.#gate.promise;
  }

  /** Never ends. */
  hang(): Promise<void> {
    return new Promise(() => {});
  }

  crash(message = "crashed"): void {
    this.stop(new Error(message));
  }

  end(): void {
    this.stop();
  }

  async addTo(other: Ref<Counter>, n: number): Promise<number> {
    return await other.add(n);
  }

  async *numbers(to: number): AsyncGenerator<number> {
    for (let n = 0; n < to; n++) yield n;
  }
}

/** Waits in `hold` until `release`, so that a test can fill its mailbox. */
export class Gate extends Actor {
  static readonly reentrant = ["release", "peek"] as const;
  #open = Promise.withResolvers<void>();
  readonly #passed: unknown[] = [];
  #holding = false;

  async hold(): Promise<void> {
    this.#holding = true;
    await this.#open.promise;
    this.#open = Promise.withResolvers();
    this.#holding = false;
  }

  release(): void {
    this.#open.resolve();
  }

  pass(value: unknown): unknown {
    this.#passed.push(value);
    return value;
  }

  peek(): { passed: unknown[]; holding: boolean } {
    return { passed: this.#passed, holding: this.#holding };
  }
}

/** Notes what it is told about others. */
export class Witness extends Actor {
  readonly #downs: { who: string; reason: Reason }[] = [];
  readonly #unwatch = new Map<string, () => void>();

  watch(who: AnyRef): void {
    this.#unwatch.set(who.address, this.monitor(who));
  }

  unwatch(who: AnyRef): void {
    this.#unwatch.get(who.address)?.();
  }

  tie(who: AnyRef): void {
    this.#unwatch.set(who.address, this.link(who));
  }

  downs(): { who: string; reason: Reason }[] {
    return this.#downs;
  }

  crash(): void {
    this.stop(new Error("the witness crashed"));
  }

  end(): void {
    this.stop();
  }

  override onDown(who: AnyRef, reason: Reason): void {
    this.#downs.push({ who: who.address, reason });
  }

  override onExit(who: AnyRef, reason: Reason): void {
    this.#downs.push({ who: who.address, reason });
  }
}

export class Trapper extends Witness {
  static readonly trapExit = true;
}

/** Gives streams, and says what became of them. */
export class Source extends Actor {
  static readonly reentrant = ["state", "openStream"] as const;
  #given = 0;
  #ended = 0;

  async *stream(to: number): AsyncGenerator<number> {
    try {
      for (let n = 0; n < to; n++) {
        this.#given = n + 1;
        yield n;
      }
    } finally {
      this.#ended++;
    }
  }

  async *openStream(to: number): AsyncGenerator<number> {
    yield* this.stream(to);
  }

  async *failing(): AsyncGenerator<number> {
    yield 1;
    throw Object.assign(new RangeError("broken"), { code: "E_BROKEN" });
  }

  async *unsendable(): AsyncGenerator<unknown> {
    try {
      yield () => 1;
    } finally {
      this.#ended++;
    }
  }

  async *waiting(): AsyncGenerator<number> {
    const { signal } = this;
    try {
      yield 1;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    } finally {
      this.#ended++;
    }
  }

  value(): number {
    return 1;
  }

  state(): { given: number; ended: number } {
    return { given: this.#given, ended: this.#ended };
  }
}

/** Starts other actors here on behalf of a test in another process. */
export class Steward extends Actor {
  readonly #fire: Fire;

  constructor(fire: Fire) {
    super();
    this.#fire = fire;
  }

  /** Begins to read a stream and goes no further. */
  async read(source: Ref<Source>): Promise<number> {
    const { value } = await source.waiting()[Symbol.asyncIterator]().next();
    return value as number;
  }

  /** Supervises, from here, a counter that lives with another steward. */
  async superviseAt(other: Ref<Steward>): Promise<Ref<Counter>> {
    const place = () => other.counter();
    const { children } = await this.#fire.supervise({}, { far: placed(place) });
    return children.far;
  }

  counter(value = 0): Promise<Ref<Counter>> {
    return this.spawn(Counter, [value]);
  }

  source(): Promise<Ref<Source>> {
    return this.spawn(Source, []);
  }

  witness(): Promise<Ref<Witness>> {
    return this.spawn(Witness, []);
  }
}
