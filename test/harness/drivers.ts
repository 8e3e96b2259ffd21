import { connect, type Fire } from "@bonfire/runtime";
import type { PrivateServer } from "@bonfire/runtime/internal";

/** Another driver on the same server, as another process would be. */
export function driverOf({ address }: PrivateServer): Promise<Fire> {
  const { servers, user, password } = address;
  return connect({ servers, user: user as string, password: password as string });
}
