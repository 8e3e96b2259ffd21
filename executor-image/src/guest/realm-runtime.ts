/** What `@bonfire/runtime` is to shipped code: its own realm's classes, so that `instanceof` holds there. */
import { Actor } from "@bonfire/runtime/internal/actor";
import { BonfireError, hasCode } from "@bonfire/wire";

/** The name under which bundles ask for it. */
export const REALM_RUNTIME = "bonfire:runtime";

export const realmRuntime = { Actor, BonfireError, hasCode };
