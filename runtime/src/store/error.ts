import { BonfireError } from "@bonfire/wire";

/** A write with a token that is not the key's last grant: another holds it now, or it was released. */
export class StaleToken extends BonfireError {
  constructor(key: string) {
    super(
      "STALE_TOKEN",
      `Cannot write "${key}" as the token is outdated: the lease was released or granted to another; stop acting for it`,
    );
  }
}

export class LeaseLost extends BonfireError {
  constructor(key: string, how: string, cause?: unknown) {
    super("LEASE_LOST", `Lease of "${key}" ${how}`, cause === undefined ? undefined : { cause });
  }
}
