/** Makes the realm that a pool asks for. */
import { IsolateRealm } from "./isolate-realm.ts";
import { ProcessRealm } from "./process-realm.ts";
import type { Realm, RealmOptions } from "./realm.ts";

/** Where code runs: sandboxed isolates, a cell's process itself, or the driver's, which are for trusted code only. */
export type RealmKind = "isolate" | "process" | "inline";

/** A realm that is ready for its first call; the isolate one takes about 30 ms for it, once per process. */
export function createRealm(kind: RealmKind, options: RealmOptions): Realm {
  if (kind !== "isolate") return new ProcessRealm(options, kind === "process");
  const realm = new IsolateRealm(options);
  realm.warm();
  return realm;
}
