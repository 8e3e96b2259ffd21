import type { Fire, Ref } from "@bonfire/runtime";
import type { Steward } from "../integration/actors/actors.ts";
import { Program } from "./program.ts";

/** Another process with actors, as seen from `fire`. */
export async function actorProcess(
  fire: Fire,
  url: string,
): Promise<{ program: Program; steward: Ref<Steward> }> {
  const program = new Program("integration/actors/programs/host.ts", { env: { NATS_URL: url } });
  const [, address] = await program.line(/^steward (\S+)$/);
  return { program, steward: fire.ref<Steward>(address as string) };
}
