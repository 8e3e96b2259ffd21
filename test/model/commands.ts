/** Which commands there are. Those that disturb a whole cluster run one sequence at a time, on a cluster of their own. */
import fc from "fast-check";
import type { Command } from "./command.ts";
import {
  away,
  cut,
  drain,
  freeze,
  kill,
  killCell,
  killExecutor,
  restart,
  wait,
  waiting,
} from "./commands/disturb.ts";
import { end } from "./commands/end.ts";
import { link } from "./commands/link.ts";
import { monitor, unmonitor, watch } from "./commands/monitor.ts";
import { register, release, sendNamed, spawnNamed, takeover, whereis } from "./commands/names.ts";
import { ask, tell } from "./commands/send.ts";
import { spawn } from "./commands/spawn.ts";
import { spawnFar } from "./commands/spawn-far.ts";
import { supervise, superviseFar } from "./commands/supervise.ts";

/** One kind of fault at a time says most, as each excuses what others may not do; `faults` has all of them but of executors. */
export const KINDS = ["quiet", "kills", "cuts", "restarts", "names", "cells", "faults"] as const;
export type Kind = (typeof KINDS)[number];

const TIES = fc.array<Command>(fc.oneof(monitor, watch, link), { maxLength: 6, size: "max" });

/** What every sequence begins with, as there is little to find out about nothing. */
export function setup(kind: Kind): fc.Arbitrary<readonly Command[]> {
  const far = kind === "cells" ? [spawnFar, spawnFar, superviseFar] : [];
  const actors = fc.array<Command>(fc.oneof(spawn, spawn, supervise, ...far), {
    minLength: 1,
    maxLength: 4,
    size: "max",
  });
  const taken = kind === "names" ? takeover(away, waiting) : fc.constant<readonly Command[]>([]);
  return fc.tuple(actors, TIES, taken).map(([...parts]) => parts.flat());
}

const NAMES = [spawnNamed, register, release, whereis, sendNamed, sendNamed];
const QUIET = [
  ...[spawn, spawn, supervise, tell, tell, ask, ask, ask, end, monitor, monitor, unmonitor, watch, link],
  ...NAMES,
];
const BASE = [...QUIET, spawn, monitor, watch, wait];
const FAR = [spawnFar, spawnFar, superviseFar, ask, monitor, watch, wait];

export const COMMANDS: Record<Kind, fc.Arbitrary<Command>[]> = {
  quiet: QUIET,
  kills: [...BASE, kill, kill],
  cuts: [...BASE, freeze, cut, cut],
  restarts: [...BASE, restart],
  names: [...BASE, ...NAMES, ...NAMES, freeze, cut, kill, restart],
  cells: [...BASE, ...FAR, killCell, killCell, killExecutor, killExecutor, drain, freeze],
  faults: [...BASE, kill, freeze, cut, restart],
};
