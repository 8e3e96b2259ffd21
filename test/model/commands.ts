/** Which commands there are. Those that disturb a whole cluster run one sequence at a time, on one of its own. */
import type fc from "fast-check";
import type { Command } from "./command.ts";
import { cut, freeze, kill, restart, wait } from "./commands/disturb.ts";
import { end } from "./commands/end.ts";
import { link } from "./commands/link.ts";
import { monitor, unmonitor, watch } from "./commands/monitor.ts";
import { ask, tell } from "./commands/send.ts";
import { spawn } from "./commands/spawn.ts";
import { supervise } from "./commands/supervise.ts";

export type Kind = "quiet" | "disruptive";

const QUIET = [spawn, spawn, supervise, tell, ask, ask, end, monitor, monitor, unmonitor, watch, link];

export const COMMANDS: Record<Kind, fc.Arbitrary<Command>[]> = {
  quiet: QUIET,
  disruptive: [...QUIET, kill, kill, freeze, cut, cut, restart, wait, wait],
};
