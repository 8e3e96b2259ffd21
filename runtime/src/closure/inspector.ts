/**
 * Reads what a function closes over, through a synchronous inspector session of this same thread. It never enables
 * the debugger, which would slow every `await` of the program for good.
 */
import { Session } from "node:inspector";

export interface Insight {
  /** The scopes around the function, the innermost first, each as an object of its variables. */
  scopes: readonly Record<string, unknown>[];
  /** Where its script begins to define it; undefined for functions that have no script. */
  location: ScriptLocation | undefined;
}

export interface ScriptLocation {
  scriptId: string;
  /** From 0. */
  line: number;
  /** From 0. */
  column: number;
}

interface InspectorProperty {
  name: string;
  value?: { objectId?: string; value?: unknown };
}
interface Properties {
  internalProperties?: InspectorProperty[];
}

const HOLDER = "__bonfire_inspected__";
const GROUP = "bonfire";
/**
 * How many reads until the handles of the inspector are let go: they keep what was read alive, and young garbage
 * collections slow down with each of them.
 */
const READS_PER_GROUP = 16;

interface Holder {
  target: object | null;
  scopes: { object: Record<string, unknown> }[] | null;
}
const holder: Holder = { target: null, scopes: null };
let session: Session | undefined;
let holderId: string | undefined;
let reads = 0;

function post<Result>(method: string, params: object): Result {
  let failure: Error | null = null;
  let answer: Result | undefined;
  // The session belongs to this thread, so the callback runs before `post` returns.
  session!.post(method, params, (error: Error | null, result?: object) => {
    failure = error;
    answer = result as Result;
  });
  if (failure) throw failure;
  return answer as Result;
}

function handleOfHolder(): string {
  if (!session) {
    session = new Session();
    session.connect();
  }
  if (holderId !== undefined && ++reads % READS_PER_GROUP !== 0) return holderId;
  if (holderId !== undefined) post("Runtime.releaseObjectGroup", { objectGroup: GROUP });
  Object.defineProperty(globalThis, HOLDER, { value: holder, configurable: true });
  try {
    const { result } = post<{ result: { objectId: string } }>("Runtime.evaluate", {
      expression: HOLDER,
      objectGroup: GROUP,
    });
    holderId = result.objectId;
    return holderId;
  } finally {
    Reflect.deleteProperty(globalThis, HOLDER);
  }
}

/** What `target` closes over. */
export function inspectFunction(target: object): Insight {
  const objectId = handleOfHolder();
  holder.target = target;
  try {
    const { result } = post<{ result: { objectId: string } }>("Runtime.callFunctionOn", {
      objectId,
      functionDeclaration: "function () { return this.target; }",
    });
    const { internalProperties } = post<Properties>("Runtime.getProperties", {
      objectId: result.objectId,
      ownProperties: true,
    });
    const internal = (name: string) => internalProperties?.find((property) => property.name === name)?.value;
    const scopesId = internal("[[Scopes]]")?.objectId;
    if (scopesId !== undefined) {
      post("Runtime.callFunctionOn", {
        objectId,
        functionDeclaration: "function (scopes) { this.scopes = scopes; }",
        arguments: [{ objectId: scopesId }],
      });
    }
    const place = internal("[[FunctionLocation]]")?.value as
      | { scriptId: string; lineNumber: number; columnNumber: number }
      | undefined;
    return {
      scopes: Array.from(holder.scopes ?? [], ({ object }) => object),
      location: place && { scriptId: place.scriptId, line: place.lineNumber, column: place.columnNumber },
    };
  } finally {
    holder.target = null;
    holder.scopes = null;
  }
}

/** The values of `names` as the function sees them; globals are left out, as every realm has its own. */
export function readVariables({ scopes }: Insight, names: readonly string[]): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const name of names) {
    const scope = scopes.find((object) => name in object);
    if (scope && scope !== globalThis) values.set(name, scope[name]);
  }
  return values;
}

/** The variable that was read before its declaration has run, as the engine and the inspector tell it. */
export function earlyName(error: unknown): string | undefined {
  return /^Cannot access '(.+?)' (?:before|from)/.exec((error as Error).message)?.[1];
}
