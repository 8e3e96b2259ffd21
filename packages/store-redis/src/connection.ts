/** Opens connections to Redis that fail at once instead of waiting, and never send a command twice after a break. */
import { BonfireError } from "@bonfire/wire";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { type Scripted, scripts } from "./script.ts";

export type Connection = (Redis | Cluster) & Scripted;

const COMMAND_MS = 1_000;
const CONNECT_MS = 5_000;
const MOST_WAIT_MS = 1_000;

const SETTINGS = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_MS,
  connectTimeout: CONNECT_MS,
} satisfies RedisOptions;

const retryStrategy = (times: number) => Math.min(times * 100, MOST_WAIT_MS);

/** One URL: a server. Several: the nodes of a cluster. Throws `STORE_UNAVAILABLE`. */
export async function open(urls: readonly URL[]): Promise<Connection> {
  const [first] = urls as [URL, ...URL[]];
  const credentials = {
    ...(first.username && { username: decodeURIComponent(first.username) }),
    ...(first.password && { password: decodeURIComponent(first.password) }),
    ...(first.protocol === "rediss:" && { tls: {} }),
  };
  const connection =
    urls.length === 1
      ? new Redis({
          ...SETTINGS,
          ...credentials,
          ...node(first),
          db: Number(first.pathname.slice(1) || 0),
          lazyConnect: true,
          retryStrategy,
          scripts,
        })
      : new Cluster(urls.map(node), {
          redisOptions: { ...SETTINGS, ...credentials },
          enableOfflineQueue: SETTINGS.enableOfflineQueue,
          lazyConnect: true,
          clusterRetryStrategy: retryStrategy,
          scripts,
        });
  return ready(connection as unknown as Connection);
}

/** Another connection to the same place, for subscriptions. */
export function another(connection: Connection): Promise<Connection> {
  return ready((connection as Redis).duplicate() as unknown as Connection);
}

async function ready(connection: Connection): Promise<Connection> {
  // A command that fails says so itself; without a listener ioredis prints each failed attempt to connect.
  let last: unknown;
  connection.on("error", (error) => {
    last = error;
  });
  try {
    await connection.connect();
    return connection;
  } catch (error) {
    connection.disconnect();
    throw unavailable(last ?? error);
  }
}

export function unavailable(error: unknown): BonfireError {
  return new BonfireError("STORE_UNAVAILABLE", `Cannot use the store in Redis: ${remedy(error as Error)}`, {
    cause: error,
  });
}

function remedy({ message }: Error): string {
  if (message === "Command timed out") {
    return `no answer within ${COMMAND_MS / 1_000} s, so it may have been done or not: try again`;
  }
  if (/writeable|Connection is closed|max retries/i.test(message)) {
    return "the connection is down, it reconnects by itself: try again";
  }
  return message;
}

function node({ hostname, port }: URL): { host: string; port: number } {
  return { host: hostname, port: Number(port || 6379) };
}
