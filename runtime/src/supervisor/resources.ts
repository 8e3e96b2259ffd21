/** What an executor has, and what a call needs of one. */
import { BonfireError } from "@bonfire/wire";
import { refuseUnknown, wholeNumber } from "../option.ts";

export interface Resources {
  /** Cores. */
  readonly cpu?: number;
  /** MB. */
  readonly memory?: number;
  readonly gpu?: {
    readonly count: number;
    /** Of a pool: the kinds that will do, the best first. Of a call: the kinds on which it runs. Default: any. */
    readonly kinds?: readonly string[];
  };
}

export const NO_RESOURCES: Resources = Object.freeze({});

const KNOWN = ["cpu", "memory", "gpu"] as const satisfies readonly (keyof Resources)[];

/** A checked copy. Throws `UNKNOWN_OPTION`, `INVALID_OPTION`; `where` names whose resources they are. */
export function resolveResources(where: string, given: Resources): Resources {
  if (typeof given !== "object" || given === null)
    throw invalid(where, "an object such as { cpu: 2 }", given);
  refuseUnknown(`the resources of ${where}`, given, KNOWN);
  const { cpu, memory, gpu } = given;
  if (cpu !== undefined && !(Number.isFinite(cpu) && cpu > 0))
    throw invalid(`${where}: cpu`, "a number of cores above 0", cpu);
  if (memory !== undefined) wholeNumber("resources.memory", memory, 1);
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(gpu === undefined ? {} : { gpu: resolveGpu(where, gpu) }),
  };
}

function resolveGpu(where: string, gpu: NonNullable<Resources["gpu"]>): NonNullable<Resources["gpu"]> {
  if (typeof gpu !== "object" || gpu === null) throw invalid(`${where}: gpu`, "{ count, kinds }", gpu);
  refuseUnknown(`the gpu of ${where}`, gpu, ["count", "kinds"]);
  const { count, kinds } = gpu;
  wholeNumber("resources.gpu.count", count, 1);
  if (kinds === undefined) return { count };
  const named = Array.isArray(kinds) && kinds.length > 0 && kinds.every((kind) => typeof kind === "string");
  if (!named) throw invalid(`${where}: gpu.kinds`, "a list of names", kinds);
  return { count, kinds: [...kinds] };
}

function invalid(what: string, wanted: string, got: unknown): BonfireError {
  return new BonfireError(
    "INVALID_OPTION",
    `The resources of ${what} must be ${wanted}, got ${JSON.stringify(got)}`,
  );
}

/** Whether an executor that has `has` can run what needs `need`, whichever of its kinds of gpu it turns out to have. */
export function fits(need: Resources | undefined, has: Resources): boolean {
  return need === undefined || lacking(need, has) === undefined;
}

/** What must be asked of a backend for an executor of a pool that serves this need. */
export function shapeFor(need: Resources | undefined, pool: Resources): Resources {
  const wanted = need?.gpu?.kinds;
  if (!wanted || !pool.gpu) return pool;
  const kinds = pool.gpu.kinds?.filter((kind) => wanted.includes(kind)) ?? wanted;
  return { ...pool, gpu: { count: pool.gpu.count, kinds } };
}

/** Why no executor of the pool can ever serve this need; undefined if one can. */
export function unservable(need: Resources | undefined, pool: Resources): string | undefined {
  return need && lacking(need, shapeFor(need, pool));
}

function lacking(need: Resources, has: Resources): string | undefined {
  for (const key of ["cpu", "memory"] as const) {
    const wanted = need[key];
    if (wanted !== undefined && wanted > (has[key] ?? 0))
      return `it needs ${spoken(key, wanted)}, and an executor has ${has[key] === undefined ? "none declared" : spoken(key, has[key])}`;
  }
  if (!need.gpu) return undefined;
  const { count, kinds } = need.gpu;
  if (count > (has.gpu?.count ?? 0))
    return `it needs ${count} gpu, and an executor has ${has.gpu?.count ?? 0}`;
  const its = has.gpu?.kinds;
  if (!kinds || (its && its.length > 0 && its.every((kind) => kinds.includes(kind)))) return undefined;
  return `it needs a gpu of kind ${kinds.join(" or ")}, and an executor has ${its && its.length > 0 ? its.join(" or ") : "none of them"}`;
}

function spoken(key: "cpu" | "memory", amount: number): string {
  return key === "cpu" ? `${amount} cpu` : `${amount} MB of memory`;
}
