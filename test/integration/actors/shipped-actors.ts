/** Actors that the tests start on executors. */
import { writeFile } from "node:fs/promises";
import { Actor, type AnyRef, type Ref } from "@bonfire/runtime";

/** Hears of what others do; lives in the test's process. */
export class Listener extends Actor {
  static readonly reentrant = ["heard"] as const;
  readonly #heard: string[] = [];

  hear(what: string): void {
    this.#heard.push(what);
  }

  heard(): string[] {
    return this.#heard;
  }
}

/** Tells a listener of its life. */
export class Worker extends Actor {
  readonly #listener: Ref<Listener>;
  #ticks = 0;

  constructor(listener: Ref<Listener>) {
    super();
    this.#listener = listener;
  }

  override onStart(): void {
    this.every(5, () => {
      this.#ticks++;
    });
  }

  override onStop(reason: { kind: string }): void {
    this.#listener.tell.hear(`stopped ${reason.kind}`);
  }

  ticks(): number {
    return this.#ticks;
  }

  asker(): string {
    return this.sender;
  }

  async relay(what: string): Promise<number> {
    await this.#listener.hear(what);
    return (await this.#listener.heard()).length;
  }

  child(): Promise<Ref<Worker>> {
    return this.spawn(Worker, [this.#listener]);
  }

  tie(who: AnyRef): void {
    this.link(who);
  }

  hold(items: unknown[]): number {
    return items.length;
  }
}

/** Does not start. */
export class Stillborn extends Actor {
  readonly #how: "constructor" | "onStart" | "never";

  constructor(how: "constructor" | "onStart" | "never") {
    super();
    if (how === "constructor") throw new RangeError("born dead");
    this.#how = how;
  }

  override async onStart(): Promise<void> {
    if (this.#how === "onStart") throw new RangeError("died at birth");
    await new Promise(() => {});
  }
}

/** Does what it should not. */
export class Bomb extends Actor {
  readonly #kept: unknown[] = [];

  fill(): void {
    for (;;) this.#kept.push(new Array(10_000).fill(this.#kept.length));
  }

  spin(): void {
    for (;;);
  }
}

/** Keeps its isolate, or its cell, busy. */
export class Spinner extends Actor {
  #turns = 0;

  spin(ms: number): number {
    const end = Date.now() + ms;
    while (Date.now() < end);
    return ++this.#turns;
  }
}

export class Writer extends Actor {
  async write(): Promise<string> {
    await writeFile("mine.txt", "mine");
    return process.cwd();
  }
}

/** Asks whoever is at an address. */
export class Prober extends Actor {
  async ask(who: Ref<{ admit(): unknown }>): Promise<string> {
    try {
      await who.admit();
      return "answered";
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}

/** Wants to start an actor that has a name. */
export class Parent extends Actor {
  async child(register: string): Promise<void> {
    await this.spawn(Prober, [], { register });
  }
}
