/** Runs sequences of commands, several at a time, until one is found after which something is not as it must be. */
import fc from "fast-check";
import { Cluster } from "./cluster.ts";
import type { Command } from "./command.ts";
import { COMMANDS, KINDS, type Kind, setup } from "./commands.ts";
import { Sequence } from "./sequence.ts";

const QUIET_LANES = 6;
/** What part of all sequences each kind with faults is. */
const SHARE = 0.04;
const MAX_COMMANDS = 30;
/** How long a counterexample may be shrunk. */
const SHRINK_MS = 60_000;

export interface Options {
  readonly sequences: number;
  readonly seed: number;
  /** No sequence begins later. */
  readonly minutes?: number;
  /** Runs only one lane, again from where one failed. */
  readonly replay?: { readonly kind: Kind; readonly path?: string; readonly replayPath?: string };
  readonly onProgress?: (done: number, all: number) => void;
}

export interface Result {
  readonly sequences: number;
  readonly commands: number;
  /** How many of them had faults. */
  readonly faulty: number;
  /** How long news of an end took, undisturbed, in ms: of actors, and of processes that were killed. */
  readonly times: { readonly ended: number[]; readonly lost: number[] };
  /** How often a name that was acted under went to another actor, and a cell or an executor was ended. */
  readonly successions: number;
  readonly strikes: number;
  readonly failure: string | undefined;
}

interface Tally {
  sequences: number;
  commands: number;
  faulty: number;
  successions: number;
  strikes: number;
  readonly times: { ended: number[]; lost: number[] };
}

export async function model(options: Options): Promise<Result> {
  const { sequences, seed, replay } = options;
  const tally: Tally = {
    sequences: 0,
    commands: 0,
    faulty: 0,
    successions: 0,
    strikes: 0,
    times: { ended: [], lost: [] },
  };
  const state: Lanes = {
    options,
    tally,
    until: performance.now() + (options.minutes ?? 1e6) * 60_000,
    failed: false,
  };
  if (replay) {
    await using cluster = await Cluster.start({ executors: replay.kind === "cells" });
    const failure = await lane(state, replay.kind, cluster, seed, sequences);
    return { ...tally, failure };
  }
  const share = Math.ceil(sequences * SHARE);
  const faulty = KINDS.filter((kind) => kind !== "quiet");
  const runs = [
    quietLanes(state, seed, sequences - share * faulty.length),
    ...faulty.map(async (kind, index) => {
      await using cluster = await Cluster.start({ executors: kind === "cells" });
      return await lane(state, kind, cluster, seed + QUIET_LANES + index, share);
    }),
  ];
  const failures = (await Promise.all(runs)).filter((failure) => failure !== undefined);
  return { ...tally, failure: failures.length > 0 ? failures.join("\n\n") : undefined };
}

interface Lanes {
  readonly options: Options;
  readonly tally: Tally;
  readonly until: number;
  /** The other lanes go no further. */
  failed: boolean;
}

/** They share a cluster, as they leave each other alone. */
async function quietLanes(state: Lanes, seed: number, sequences: number): Promise<string | undefined> {
  await using cluster = await Cluster.start({ executors: false });
  const lanes = split(sequences, QUIET_LANES).map((share, index) =>
    lane(state, "quiet", cluster, seed + index, share),
  );
  const failures = (await Promise.all(lanes)).filter((failure) => failure !== undefined);
  return failures.length > 0 ? failures.join("\n\n") : undefined;
}

/** One sequence after the other. */
async function lane(
  state: Lanes,
  kind: Kind,
  cluster: Cluster,
  seed: number,
  sequences: number,
): Promise<string | undefined> {
  const { tally, options } = state;
  const { path, replayPath } = options.replay ?? {};
  let failedAt: number | undefined;
  /** Shrinking may follow what it left behind, so it is told too. */
  let first: string | undefined;
  const commands = fc.commands(COMMANDS[kind], {
    maxCommands: MAX_COMMANDS,
    size: "+1",
    ...(replayPath !== undefined && { replayPath }),
  });
  const property = fc.asyncProperty(setup(kind), commands, async (begin, run) => {
    const now = performance.now();
    // Enough was shrunk, or another lane has failed, or time is up: nothing is wrong with what is not run.
    if (failedAt === undefined ? state.failed || now > state.until : now - failedAt > SHRINK_MS) return;
    const sequence = new Sequence(cluster, `s${seed}-${tally.sequences++}`);
    try {
      await fc.asyncModelRun(
        () => ({ model: { actors: 0, monitors: 0 }, real: sequence }),
        inTurn(begin, run),
      );
      const wrong = await sequence.finish();
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
    } catch (error) {
      failedAt ??= performance.now();
      state.failed = true;
      first ??= [`first: ${(error as Error).message}`, `after: ${begin}; ${run}`, sequence].join("\n");
      throw error;
    }
    for (const { lost, ms } of sequence.times) tally.times[lost ? "lost" : "ended"].push(ms);
    tally.successions += sequence.successions;
    tally.strikes += sequence.strikes;
    tally.commands += begin.length + [...run].length;
    if (kind !== "quiet") tally.faulty++;
    options.onProgress?.(tally.sequences, options.sequences);
  });
  const details = await fc.check(property, { seed, numRuns: sequences, ...(path !== undefined && { path }) });
  if (!details.failed) return undefined;
  const again = `pnpm test:model --kind ${kind} --seed ${details.seed} --path ${details.counterexamplePath}`;
  const shrunk = (details.counterexample ?? []).map(String).join(", then ");
  const replayed = /replayPath="([^"]*)"/.exec(shrunk)?.[1];
  return [
    `${(details.errorInstance as Error).message}`,
    `after: ${shrunk}`,
    `again: ${again}${replayed ? ` --replay ${replayed}` : ""}`,
    first,
  ].join("\n");
}

function* inTurn(begin: Iterable<Command>, run: Iterable<Command>): Generator<Command> {
  yield* begin;
  yield* run;
}

function split(total: number, lanes: number): number[] {
  return Array.from({ length: lanes }, (_, index) => Math.floor((total + index) / lanes));
}
