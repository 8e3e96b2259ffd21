/** Where NATS is: from options, from the environment, or nowhere, which asks for a private server. */
import { readFileSync } from "node:fs";
import { BonfireError } from "@bonfire/wire";
import type { NatsAddress } from "./bus/connection.ts";

export interface ServerOptions {
  /** One URL or several, e.g. `"nats://host:4222"`. Default: `NATS_URL`, else a private nats-server. */
  servers?: string | readonly string[];
  user?: string;
  password?: string;
  token?: string;
  /** Path of a NATS `.creds` file. Default: `NATS_CREDS`. */
  credentialsFile?: string;
}

/** Throws `INVALID_OPTION`. Undefined if nothing names a server. */
export function resolveAddress(options: ServerOptions, env: NodeJS.ProcessEnv): NatsAddress | undefined {
  const { servers = env.NATS_URL, user, password, token, credentialsFile = env.NATS_CREDS } = options;
  if (servers === undefined || servers.length === 0) return undefined;
  const urls = (typeof servers === "string" ? servers.split(",") : servers).map(parse);
  const [first] = urls as [URL, ...URL[]];
  const inUrl = first.password
    ? { user: decodeURIComponent(first.username), password: decodeURIComponent(first.password) }
    : first.username
      ? { token: decodeURIComponent(first.username) }
      : {};
  return {
    servers: urls.map((url) => `${url.protocol}//${url.host}`),
    ...inUrl,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
    ...(credentialsFile !== undefined && { credentials: read(credentialsFile) }),
  };
}

function parse(server: string): URL {
  const text = server.trim();
  const url = URL.parse(/^\w+:\/\//.test(text) ? text : `nats://${text}`);
  if (url && ["nats:", "tls:"].includes(url.protocol) && url.hostname !== "") return url;
  // The text may hold a password, so it is not repeated.
  throw new BonfireError(
    "INVALID_OPTION",
    'A NATS server is given as nats://host:port or tls://host:port: correct NATS_URL or the option "servers"',
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new BonfireError("INVALID_OPTION", `Cannot read the NATS credentials file ${file}`, { cause });
  }
}
