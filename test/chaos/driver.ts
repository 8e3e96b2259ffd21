/** A driver of the world, as the harness knows it: its process, and what it has said. */
import { until } from "../harness/outcome.ts";
import type { Program } from "../harness/program.ts";
import type { Role } from "./world.ts";

/** A call of a driver has ended by then, whatever happened: its deadline is 20 s. */
export const CALL_MS = 27_000;

export interface DriverParts {
  readonly program: Program;
  readonly id: string;
  readonly pool: string;
  readonly role: Role;
}

export class Driver {
  readonly program: Program;
  readonly id: string;
  readonly pool: string;
  readonly role: Role;
  /** Since when the witness watches it. */
  watchedSince = Number.NaN;

  constructor({ program, id, pool, role }: DriverParts) {
    this.program = program;
    this.id = id;
    this.pool = pool;
    this.role = role;
  }

  lines(pattern: RegExp): RegExpExecArray[] {
    return [...this.program.output.matchAll(new RegExp(pattern, "gm"))] as RegExpExecArray[];
  }

  /** The next line that matches, of those that it says because of `order`. */
  async ask(order: string, answer: RegExp, within = CALL_MS): Promise<RegExpExecArray> {
    const before = this.lines(answer).length;
    this.program.say(order);
    await until(() => this.lines(answer).length > before, within);
    return this.lines(answer).at(-1) as RegExpExecArray;
  }

  /** Whether it supervises its pool, and on which machines it has a cell. */
  async place(): Promise<{ supervises: boolean; cells: ReadonlySet<string> }> {
    const [, supervises, cells = ""] = await this.ask("place", /^place (\S+) (.*)$/);
    return { supervises: supervises === "true", cells: new Set(cells.split(",").filter(Boolean)) };
  }

  /** What its calls failed with until now, beginning with the code. */
  get failures(): string[] {
    return this.lines(/^failed (.*)$/).map(([, failure]) => failure as string);
  }

  /** When, from `start` on, it took `node` for gone, on the machine's clock; undefined if it has not. */
  tookForGone(node: string, start: number): number | undefined {
    return this.lines(/^gone (\S+) (\d+)/)
      .filter(([, gone]) => gone === node)
      .map(([, , at]) => Number(at))
      .find((at) => at >= start);
  }
}

/** The clock that all processes of a machine share, in ms. */
export function machineNow(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
