import { connect, type Fire } from "@bonfire/runtime";
import type { PrivateServer } from "@bonfire/runtime/internal";

const opened = new Set<Fire>();

/** Another driver on the same server, as another process would be. */
export async function driverOf({ address }: PrivateServer): Promise<Fire> {
  const { servers, user, password } = address;
  const fire = await connect({ servers, user: user as string, password: password as string });
  opened.add(fire);
  return fire;
}

/** Closes what a test that failed midway left open, so that its file ends and says what failed. */
export async function closeDrivers(): Promise<void> {
  await Promise.all([...opened].map((fire) => fire.close()));
  opened.clear();
}
