/** All that a realm's host does for the code inside, looked up by operation name. */
import { BonfireError, type Grants, isGranted } from "@bonfire/wire";
import type { Ability, Operation, Outcome } from "./ability.ts";
import { filesAbility } from "./files.ts";
import { type HostEvents, hostModulesAbility } from "./host-modules.ts";
import { networkAbility } from "./network.ts";
import { type GroupEvents, programsAbility } from "./programs.ts";
import { pureAbility } from "./pure.ts";

export interface AbilityOptions {
  readonly grants: Grants;
  readonly memoryMb: number;
  /** Where host modules are found. */
  readonly directory: string;
  readonly events: GroupEvents & HostEvents;
}

export class Abilities {
  readonly #sync: Ability["sync"];
  readonly #async: Ability["async"];

  constructor({ grants, memoryMb, directory, events }: AbilityOptions) {
    const granted: Ability[] = [pureAbility(memoryMb * 1024 * 1024)];
    if (isGranted(grants, "files")) granted.push(filesAbility());
    if (isGranted(grants, "programs")) granted.push(programsAbility(grants, process.env, events));
    if (isGranted(grants, "fetch")) granted.push(networkAbility(grants.fetch));
    if (isGranted(grants, "hostModules")) granted.push(hostModulesAbility(grants, directory, events));
    this.#sync = Object.assign({}, ...granted.map(({ sync }) => sync)) as Ability["sync"];
    this.#async = Object.assign({}, ...granted.map(({ async }) => async)) as Ability["async"];
  }

  /** Performs an operation at once. */
  ask(operation: string, ...parameters: Parameters<Operation>): Outcome {
    return find(this.#sync, operation)(...parameters);
  }

  /** Begins an operation. */
  async request(operation: string, ...parameters: Parameters<Operation>): Promise<Outcome> {
    const [scope] = parameters;
    if (scope.ended) {
      throw new BonfireError(
        "CALL_ENDED",
        "Cannot do more for a call that has ended: await everything that the closure starts",
      );
    }
    return await find(this.#async, operation)(...parameters);
  }
}

function find<T>(table: Readonly<Record<string, T>>, operation: string): T {
  const found = Object.hasOwn(table, operation) ? table[operation] : undefined;
  if (found !== undefined) return found;
  throw new BonfireError(
    "GRANT_MISSING",
    `Cannot use ${JSON.stringify(operation)} as this pool does not grant it`,
  );
}
