import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { BonfireError } from "@bonfire/wire";

/** Where Debian and Homebrew put it, beside what PATH says: a service's PATH often lacks /usr/sbin. */
const USUAL = ["/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/** The path of nats-server. Throws `NATS_SERVER_MISSING`, which says how to get it. */
export function findNatsServer(
  env: NodeJS.ProcessEnv = process.env,
  usual: readonly string[] = USUAL,
): string {
  const folders = [...(env.PATH ?? "").split(delimiter).filter(Boolean), ...usual];
  const candidates = folders.map((folder) => join(folder, "nats-server"));
  if (env.BONFIRE_NATS_SERVER) candidates.unshift(env.BONFIRE_NATS_SERVER);
  const found = candidates.find(isExecutable);
  if (found) return found;
  throw new BonfireError(
    "NATS_SERVER_MISSING",
    [
      "Cannot start a private nats-server as none is installed. Either install it:",
      "  Debian, Ubuntu: apt-get install nats-server",
      "  macOS:          brew install nats-server",
      "or run one yourself and set NATS_URL:",
      "  container:      docker run -p 127.0.0.1:4222:4222 nats   # NATS_URL=nats://127.0.0.1:4222",
    ].join("\n"),
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not ours to run: the next candidate
  }
}
