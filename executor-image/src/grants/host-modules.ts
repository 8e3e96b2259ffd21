/**
 * The ability behind host modules: packages that this process loads itself, on whose objects the guest acts by
 * number. They run unconfined; what is kept from the guest is the way from their objects to everything else.
 */
import { BonfireError, type Grants, isHostModule, missingGrant } from "@bonfire/wire";
import type { Ability } from "./ability.ts";
import { count, text } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";
import { type Act, HostObjects } from "./host-objects.ts";
import { importFrom } from "./import-from.ts";

const OBJECTS = Symbol("objects of host modules");
const ACTIONS = new Set(["call", "new", "get", "set", "iterate"]);
const NO_BYTES = new Uint8Array(0);

/** Told what no code of the call has asked for. */
export interface HostEvents {
  log(call: number, level: "error", text: string): void;
}

/** @param directory where packages are found. */
export function hostModulesAbility(grants: Grants, directory: string, events: HostEvents): Ability {
  const load = importFrom(directory);
  const loadGranted = async (specifier: string): Promise<object> => {
    if (!isHostModule(specifier, grants)) throw missingGrant(`import "${specifier}"`, "hostModules");
    try {
      return await load(specifier);
    } catch (cause) {
      throw new BonfireError(
        "HOST_MODULE_FAILED",
        `Cannot load host module "${specifier}" from ${directory}: ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      );
    }
  };
  const objectsOf = (scope: CallScope): HostObjects =>
    scope.own(OBJECTS, () => {
      const objects = new HostObjects(loadGranted);
      scope.onEnd(() => {
        for (const error of objects.end()) {
          events.log(scope.id, "error", `Unhandled error of a host module: ${shown(error)}`);
        }
      });
      return objects;
    });
  return {
    sync: {},
    async: {
      "host.act": async (scope, [number, action, target, path, args], bytes = NO_BYTES) => {
        if (!ACTIONS.has(action)) throw new TypeError("Cannot do this to an object of a host module");
        const to = typeof target === "string" ? target : whole(target);
        const act: Act = { action, target: to, path: list(path), args };
        objectsOf(scope).act(count(number, "the object's number"), act, bytes);
        return {};
      },
      "host.settle": (scope, [number]) => objectsOf(scope).settle(whole(number)),
      "host.release": async (scope, [number, dispose]) => {
        await objectsOf(scope).release(whole(number), dispose === true);
        return {};
      },
      "host.listen": (scope) => objectsOf(scope).callbacks.next(),
      "host.answer": async (scope, [call, ok, value], bytes = NO_BYTES) => {
        objectsOf(scope).callbacks.answer(whole(call), ok === true, value, bytes);
        return {};
      },
    },
  };
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new TypeError("Cannot use an object of a host module whose number is none");
}

function list(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map((one) => text(one, "the property's name"));
  throw new TypeError("Cannot follow a path that is no list");
}

function shown(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
