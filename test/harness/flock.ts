/** Drivers with executors on a platform of their own, as processes that a test can end, freeze and cut off. */
import { until } from "./outcome.ts";
import type { Platform } from "./platform.ts";
import { Program, type ProgramOptions } from "./program.ts";

export interface FlockOptions extends ProgramOptions {
  readonly url: string;
  readonly platform: Platform;
  readonly executors?: number;
}

/** Resolves when the driver has its executors, and a cell on each. */
export async function flock({ url, platform, executors = 2, ...options }: FlockOptions): Promise<Program> {
  const env = { NATS_URL: url, PLATFORM: platform.url, EXECUTORS: String(executors), ...options.env };
  const driver = new Program("presence/flock-driver.ts", { ...options, env });
  await driver.line(/^ready/);
  return driver;
}

/** A call of the driver's, repeated while links to NATS are down or break under it. Throws if it fails otherwise. */
export async function served(driver: Program): Promise<void> {
  for (;;) {
    const before = calls(driver).length;
    driver.say("call");
    await until(() => calls(driver).length > before, 40_000);
    const last = calls(driver).at(-1) as string;
    if (last === "called") return;
    if (!/LINK_DOWN|CALL_LOST/.test(last)) throw new Error(`${last}\n${driver.output}`);
  }
}

function calls(driver: Program): string[] {
  return driver.output.split("\n").filter((line) => line.startsWith("call"));
}

/** The ids of the machines that run, in order. */
export function machinesOf(platform: Platform): string[] {
  return platform.running.map(({ launchId }) => launchId);
}
