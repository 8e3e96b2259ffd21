import type { Fire, Ref } from "@bonfire/runtime";
import type { Clerk } from "../integration/actors/kept.ts";
import { Program } from "./program.ts";

/** Another process with named actors, as seen from `fire`. */
export async function clerkProcess(
  fire: Fire,
  url: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ program: Program; clerk: Ref<Clerk> }> {
  const program = new Program("integration/actors/programs/clerk.ts", { env: { NATS_URL: url, ...env } });
  const [, address] = await program.line(/^clerk (\S+)$/);
  return { program, clerk: fire.ref<Clerk>(address as string) };
}
