/**
 * The ability behind `node:child_process`: starts the programs that the pool names, each as the leader of a process
 * group, so that it and everything it started can be killed when the call ends.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import type { Readable } from "node:stream";
import { BonfireError, type Grants } from "@bonfire/wire";
import type { Ability, Outcome } from "./ability.ts";
import { count, text } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";
import { confine } from "./confine.ts";

const CHILDREN = Symbol("children");
const MOST_CHILDREN = 64;
/** Longest timeout that setTimeout and spawnSync take. */
const LONGEST = 2 ** 31 - 1;

/** Milliseconds by which a synchronous program may outlast its call's deadline. */
const PAST_DEADLINE = 100;

/** Told of process groups, so that they can be killed even when this process dies first. */
export interface GroupEvents {
  spawned(group: number): void;
  ended(group: number): void;
}

interface Settings {
  readonly cwd: string | null;
  readonly env: Record<string, string> | null;
  readonly stdio: readonly string[];
}

class Children {
  /** Process groups that may still have members. */
  readonly groups = new Set<number>();
  readonly #children = new Map<number, ChildProcess>();
  #last = 0;

  add(child: ChildProcess): number {
    this.#children.set(++this.#last, child);
    return this.#last;
  }

  get size(): number {
    return this.#children.size;
  }

  get(id: unknown): ChildProcess {
    const child = this.#children.get(id as number);
    if (child === undefined) throw new Error("Cannot use the child process as it is not of this call");
    return child;
  }
}

/** Kills a group; true when there was one. */
export function killGroup(group: number, signal: NodeJS.Signals | number): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // ESRCH: it has ended by itself, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

export function programsAbility(
  grants: Grants,
  environment: NodeJS.ProcessEnv,
  events: GroupEvents,
): Ability {
  const programs = grants.programs ?? [];

  const allow = (file: unknown): string => {
    const name = text(file, "the program");
    if (programs.includes(name)) return name;
    throw new BonfireError(
      "GRANT_MISSING",
      `Cannot start ${JSON.stringify(name)} as this pool grants ${list(programs)}: add grants: { programs: [${JSON.stringify(name)}] } to the pool`,
    );
  };

  /** Only what a program needs to run, what the pool shows, and what the call itself sets. */
  const environmentOf = (scope: CallScope, own: Record<string, string> | null): NodeJS.ProcessEnv => {
    const env: NodeJS.ProcessEnv = {
      PATH: environment.PATH,
      HOME: scope.directory,
      TMPDIR: scope.directory,
      LANG: "C.UTF-8",
    };
    for (const name of grants.env ?? []) if (environment[name] !== undefined) env[name] = environment[name];
    for (const [name, value] of Object.entries(own ?? {})) if (!LOADER.test(name)) env[name] = String(value);
    // The call may not decide which file a granted name stands for.
    env.PATH = environment.PATH;
    return env;
  };

  const optionsOf = (scope: CallScope, { cwd, env, stdio }: Settings): SpawnOptions => ({
    cwd: confine(scope, cwd ?? "."),
    env: environmentOf(scope, env),
    stdio: stdio.map((kind) => (kind === "pipe" ? "pipe" : "ignore")) as SpawnOptions["stdio"] & string[],
    // A session, and so a process group, of its own.
    detached: true,
  });

  const start = (scope: CallScope, [file, args, settings]: readonly any[]): Outcome => {
    const program = allow(file);
    const children = childrenOf(scope);
    if (children.size >= MOST_CHILDREN)
      throw new Error(`Cannot start ${program} as the call has ${MOST_CHILDREN} children already`);
    const child = spawn(program, (args as unknown[]).map(String), optionsOf(scope, settings));
    // Failures to start arrive with `programs.wait`; a broken pipe arrives with the write that met it.
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    const { pid } = child;
    if (pid !== undefined) {
      children.groups.add(pid);
      events.spawned(pid);
      child.once("exit", () => {
        // Once a group is empty its number may be given to a stranger, who must not be killed for it.
        if (!killGroup(pid, 0) && children.groups.delete(pid)) events.ended(pid);
      });
    }
    return { value: [children.add(child), pid ?? null] };
  };

  function childrenOf(scope: CallScope): Children {
    return scope.own(CHILDREN, () => {
      const children = new Children();
      scope.onEnd(() => {
        for (const group of children.groups) {
          killGroup(group, "SIGKILL");
          events.ended(group);
        }
        children.groups.clear();
      });
      return children;
    });
  }

  const runSync = (
    scope: CallScope,
    [file, args, settings, limits]: readonly any[],
    input: Uint8Array | undefined,
  ): Outcome => {
    const program = allow(file);
    const asked = count(limits.timeout, "the timeout");
    // A little past the deadline, so that it is the call which ends by it and not just the program.
    const timeout = Math.min(
      asked > 0 ? asked : LONGEST,
      Math.ceil(scope.remaining()) + PAST_DEADLINE,
      LONGEST,
    );
    const result = spawnSync(program, (args as unknown[]).map(String), {
      ...optionsOf(scope, settings),
      ...(input === undefined ? {} : { input }),
      timeout,
      killSignal: "SIGKILL",
      maxBuffer: count(limits.maxBuffer, "maxBuffer"),
    });
    // What it started outlives it otherwise, and nobody could wait for it any more.
    if (result.pid > 0) killGroup(result.pid, "SIGKILL");
    const error = result.error as NodeJS.ErrnoException | undefined;
    const facts = error && {
      message: error.message,
      own: { code: error.code, errno: error.errno, syscall: error.syscall, path: error.path },
    };
    const stdout = result.stdout ?? Buffer.alloc(0);
    const value = {
      pid: result.pid,
      status: result.status,
      signal: result.signal,
      split: stdout.length,
      error: facts ?? null,
    };
    return { value, bytes: Buffer.concat([stdout, result.stderr ?? Buffer.alloc(0)]) };
  };

  const kill = (scope: CallScope, [id, signal]: readonly any[]): Outcome => {
    const { pid, exitCode, signalCode } = childrenOf(scope).get(id);
    if (pid === undefined || exitCode !== null || signalCode !== null) return { value: false };
    return { value: killGroup(pid, signal) };
  };

  return {
    sync: { "programs.spawn": start, "programs.spawnSync": runSync, "programs.kill": kill },
    async: {
      "programs.wait": async (scope, [id]) => ({ value: await exitOf(childrenOf(scope).get(id)) }),
      "programs.read": async (scope, [id, name]) => {
        const bytes = await nextChunk(outputOf(childrenOf(scope).get(id), name));
        return bytes === undefined ? {} : { bytes };
      },
      "programs.discard": async (scope, [id, name]) => {
        outputOf(childrenOf(scope).get(id), name).destroy();
        return {};
      },
      "programs.write": async (scope, [id], bytes) => {
        await write(childrenOf(scope).get(id), bytes ?? new Uint8Array(0));
        return {};
      },
      "programs.end": async (scope, [id]) => {
        childrenOf(scope).get(id).stdin?.end();
        return {};
      },
    },
  };
}

/** Variables with which the dynamic loader would run other code inside a granted program. */
const LOADER = /^(?:LD_|DYLD_|PATH$|NODE_OPTIONS$|PYTHONSTARTUP$|BASH_ENV$|ENV$)/;

function list(programs: readonly string[]): string {
  return programs.length === 0 ? "no programs" : `only ${programs.join(", ")}`;
}

/** `[code, signal]`; rejects when the program could not be started. */
function exitOf(child: ChildProcess): Promise<[number | null, string | null]> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve([child.exitCode, child.signalCode]);
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) => resolve([code, signal]));
    child.once("error", reject);
  });
}

function outputOf(child: ChildProcess, name: unknown): Readable {
  const stream = name === "stdout" ? child.stdout : name === "stderr" ? child.stderr : null;
  if (stream === null) throw new Error(`Cannot read ${name} as the child has no such pipe`);
  return stream;
}

/** The next piece of output, read from the pipe only when asked for, so that back-pressure reaches the program. */
async function nextChunk(stream: Readable): Promise<Uint8Array | undefined> {
  for (;;) {
    const chunk = stream.read() as Uint8Array | null;
    if (chunk !== null) return chunk;
    if (stream.readableEnded || stream.destroyed) return undefined;
    await change(stream);
  }
}

const CHANGES = ["readable", "end", "close", "error"] as const;

/** Until there may be something to read, or nothing more. */
function change(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of CHANGES) stream.off(event, done);
      resolve();
    };
    for (const event of CHANGES) stream.on(event, done);
  });
}

function write(child: ChildProcess, bytes: Uint8Array): Promise<void> {
  const { stdin } = child;
  if (stdin === null) return Promise.reject(new Error("Cannot write to the child as it has no stdin pipe"));
  return new Promise((resolve, reject) => {
    stdin.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
