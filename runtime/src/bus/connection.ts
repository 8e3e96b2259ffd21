/** The one place that opens NATS connections: our settings, our errors, and whether the link is up. */
import { BonfireError } from "@bonfire/wire";
import { type ConnectionOptions, connect, credsAuthenticator, Events, type NatsConnection } from "nats";

/** How to reach NATS. `credentials`: the text of a `.creds` file. Never goes into argv, a message or a log. */
export interface NatsAddress {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly credentials?: string;
}

/** The state of one connection, kept with the time since which it holds (performance.now()). */
export interface Link {
  up: boolean;
  since: number;
  /** Whether it has been down: then other nodes' links may have been, too. */
  hasBroken: boolean;
}

const RECONNECT_WAIT_MS = 100;
const CONNECT_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 1_000;
const PINGS_OUT = 2;
/** A living node whose connection broke is back after so long at most, once the server is there. */
export const RECONNECT_MS = 2 * RECONNECT_WAIT_MS;
/** A link that broke without a word is noticed after so long. */
export const STALE_LINK_MS = PING_INTERVAL_MS * (PINGS_OUT + 1);

/** A link that is asked by `Bus.checkLink` and does not answer within so long is broken. */
export const LINK_ANSWER_MS = 2_000;
/** Longer than any connection lives. */
const NEVER_MS = 2 ** 31 - 1;

export interface OpenOptions {
  /** Called whenever the link is up again. */
  readonly onReconnect?: () => void;
  /** Whether the client itself asks every second if the link still works. Default true; else see `Bus.checkLink`. */
  readonly pings?: boolean;
}

/** Opens a connection. Throws `NATS_UNREACHABLE` or `NATS_REFUSED`, naming the server but no credential. */
export async function open(
  address: NatsAddress,
  name: string,
  { onReconnect = () => {}, pings = true }: OpenOptions = {},
): Promise<{ connection: NatsConnection; link: Link }> {
  const options: ConnectionOptions = {
    servers: [...address.servers],
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    pingInterval: pings ? PING_INTERVAL_MS : NEVER_MS,
    maxPingOut: PINGS_OUT,
    noAsyncTraces: true,
    // A server that has just started may refuse what it will accept when it has read its accounts.
    ignoreAuthErrorAbort: true,
    // Else a server without TLS would be talked to in the clear.
    ...(address.servers.some((server) => server.startsWith("tls://")) && { tls: {} }),
    ...(address.user !== undefined && { user: address.user }),
    ...(address.password !== undefined && { pass: address.password }),
    ...(address.token !== undefined && { token: address.token }),
    ...(address.credentials !== undefined && {
      authenticator: credsAuthenticator(new TextEncoder().encode(address.credentials)),
    }),
  };
  const connection = await connect(options).catch((error: Error & { code?: string }) => {
    throw connectError(address.servers, error);
  });
  const link: Link = { up: true, since: performance.now(), hasBroken: false };
  void follow(connection, link, onReconnect);
  return { connection, link };
}

async function follow(connection: NatsConnection, link: Link, onReconnect: () => void): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== Events.Disconnect && status.type !== Events.Reconnect) continue;
    link.up = status.type === Events.Reconnect;
    link.since = performance.now();
    link.hasBroken = true;
    if (link.up) onReconnect();
  }
}

/** The code of nats.js if an option, of which there is only this one, is more than the server can do. */
const NO_TLS = "SERVER_OPT_NA";

function connectError(servers: readonly string[], error: Error & { code?: string }): BonfireError {
  const where = servers.map(withoutCredentials).join(", ");
  const refused = error.code === "AUTHORIZATION_VIOLATION" || error.code === "BAD_AUTHENTICATION";
  return refused
    ? new BonfireError(
        "NATS_REFUSED",
        `Cannot connect to NATS at ${where} as the server refused the credentials: check the user, password, token or credentials file`,
      )
    : new BonfireError(
        "NATS_UNREACHABLE",
        `Cannot connect to NATS at ${where} (${error.code === NO_TLS ? "it does not speak TLS" : (error.code ?? error.message)}): start nats-server there, correct NATS_URL, or unset it to let Bonfire start a private one`,
      );
}

function withoutCredentials(server: string): string {
  return server.replace(/\/\/[^@/]*@/, "//");
}
