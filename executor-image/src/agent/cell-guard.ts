/**
 * A shell beside each cell that holds the other end of a pipe from the agent. When the pipe ends, however the agent
 * ended, it kills the cell, even one whose code spins, with every program that the cell started, and removes the
 * cell's folder.
 */
import type { Duplex } from "node:stream";

/** Where the shell finds the pipe; 3 is Node's own channel. */
export const GUARD_FD = 4;

/**
 * `$$` is the shell's own id, which `exec` hands on to the cell. It leads a process group that the guard is in too,
 * so no stranger can get that number as long as the guard is there.
 *
 * The cell's children are looked up as well: a program that runs synchronously is never announced.
 */
export const GUARDED = `
limit=$1; folder=$2; shift 2
{
  groups=
  while read -r line; do
    case $line in
      +*) groups="$groups \${line#+}" ;;
      -*) left=; for group in $groups; do [ "$group" = "\${line#-}" ] || left="$left $group"; done; groups=$left ;;
    esac
  done
  if [ -r /proc/$$/task/$$/children ]; then
    for list in /proc/$$/task/*/children; do read -r children <"$list" || :; groups="$groups $children"; done
  else
    groups="$groups $(pgrep -P $$)"
  fi 2>/dev/null
  kill -9 $$
  for group in $groups; do kill -9 "-$group"; done
  for pause in 0.1 0.3 1 0; do rm -rf -- "$folder" && break; sleep $pause; done
  kill -9 "-$$"
} <&${GUARD_FD} >/dev/null 2>&1 3>&- ${GUARD_FD}<&- &
ulimit -c 0; ulimit -d "$limit" 2>/dev/null
exec "$@" ${GUARD_FD}<&-
`;

export class CellGuard {
  /** Resolves when the cell is killed, its programs too, and its folder removed; also if the guard itself died. */
  readonly ended: Promise<void>;
  readonly #pipe: Duplex;

  /** `pipe`: the agent's end. */
  constructor(pipe: Duplex) {
    this.#pipe = pipe;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    // A guard that is gone cannot be written to; its end says so to whoever waits.
    pipe.once("close", resolve).on("error", resolve).resume();
  }

  /** A process group that must not outlive the cell. */
  add(group: number): void {
    this.#pipe.write(`+${group}\n`);
  }

  remove(group: number): void {
    this.#pipe.write(`-${group}\n`);
  }

  /** Ends the cell, if it has not ended, and all that it left. Idempotent. */
  strike(): void {
    this.#pipe.end();
  }
}
