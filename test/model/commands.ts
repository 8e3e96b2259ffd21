/** Which commands there are. Those that disturb a whole cluster run one sequence at a time, on a cluster of their own. */
import fc from "fast-check";
import type { Command } from "./command.ts";
import { cut, freeze, kill, restart, wait } from "./commands/disturb.ts";
import { end } from "./commands/end.ts";
import { link } from "./commands/link.ts";
import { monitor, unmonitor, watch } from "./commands/monitor.ts";
import { ask, tell } from "./commands/send.ts";
import { spawn } from "./commands/spawn.ts";
import { supervise } from "./commands/supervise.ts";

/** One kind of fault at a time says most, as each excuses what others may not do; `faults` has all of them. */
export const KINDS = ["quiet", "kills", "cuts", "restarts", "faults"] as const;
export type Kind = (typeof KINDS)[number];

/** What every sequence begins with, as there is little to find out about nothing. */
export const SETUP: fc.Arbitrary<readonly Command[]> = fc
  .tuple(
    fc.array<Command>(fc.oneof(spawn, spawn, supervise), { minLength: 1, maxLength: 4, size: "max" }),
    fc.array<Command>(fc.oneof(monitor, watch, link), { maxLength: 6, size: "max" }),
  )
  .map(([actors, ties]) => [...actors, ...ties]);

const QUIET = [spawn, spawn, supervise, tell, ask, ask, end, monitor, monitor, unmonitor, watch, link];
const BASE = [...QUIET, spawn, monitor, watch, wait];

export const COMMANDS: Record<Kind, fc.Arbitrary<Command>[]> = {
  quiet: QUIET,
  kills: [...BASE, kill, kill],
  cuts: [...BASE, freeze, cut, cut],
  restarts: [...BASE, restart],
  faults: [...BASE, kill, freeze, cut, restart],
};
