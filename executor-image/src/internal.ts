/** The door for siblings of this package and its tests; users have `index.ts`. */
export { createRealm, type RealmKind } from "./realm/create-realm.ts";
export type { IncomingCall, Realm, RealmEvents, RealmOptions } from "./realm/realm.ts";
export { guestFacts } from "./sandbox/guest-facts.ts";
export { GuestIsolate } from "./sandbox/isolate.ts";
