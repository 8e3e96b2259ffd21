/** Each kind of store on a server of its own, so that one suite holds for all of them. */
import { MemoryStore, type Store } from "@bonfire/runtime";
import { Bus, NatsStore } from "@bonfire/runtime/internal";
import { RedisStore } from "@bonfire/store-redis";
import { NatsServer } from "./nats.ts";
import { RedisServer } from "./redis.ts";

export type Kind = "memory" | "nats" | "redis";

/** Kinds whose server is a process, which can be killed and reached over a network. */
export const REMOTE = ["nats", "redis"] as const satisfies readonly Kind[];
export const KINDS = ["memory", ...REMOTE] as const satisfies readonly Kind[];

let clients = 0;

/** One more client of the store at `url`; closing it closes its connections. */
export async function openStore(kind: "nats" | "redis", url: string): Promise<Store & AsyncDisposable> {
  if (kind === "redis") return RedisStore.connect({ url });
  const bus = await Bus.connect({ servers: [url] }, `store-test-${process.pid}-${clients++}`);
  const store = await NatsStore.open(bus).catch(async (error: unknown) => {
    await bus.close();
    throw error;
  });
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await bus.close();
  };
  return store;
}

export class StoreServer implements AsyncDisposable {
  readonly kind: Kind;
  readonly server: NatsServer | RedisServer | undefined;
  readonly #memory = new MemoryStore();
  readonly #opened: Store[] = [];

  private constructor(kind: Kind, server: NatsServer | RedisServer | undefined) {
    this.kind = kind;
    this.server = server;
  }

  static async start(kind: Kind): Promise<StoreServer> {
    if (kind === "memory") return new StoreServer(kind, undefined);
    return new StoreServer(
      kind,
      kind === "nats" ? await NatsServer.start({ jetstream: true }) : await RedisServer.start(),
    );
  }

  get url(): string {
    return (this.server as NatsServer | RedisServer).url;
  }

  /** One more client, of which the memory store has only one. */
  async open(url?: string): Promise<Store> {
    if (this.kind === "memory") return this.#memory;
    const store = await openStore(this.kind, url ?? this.url);
    this.#opened.push(store);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((store) => store.close()));
    await this.server?.[Symbol.asyncDispose]();
  }
}
