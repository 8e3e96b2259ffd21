/** The guest's entry: builds the realm that a closure sees and gives the host the functions through which it enters. */
import { mail, news, openActor } from "./actors.ts";
import {
  assign,
  callSignal,
  cancel,
  forget,
  handle,
  load,
  run,
  runLarge,
  tick,
  unload,
  warm,
} from "./calls.ts";
import { installGlobals } from "./globals.ts";
import { collect, deliver } from "./host.ts";
import { requireInternal } from "./library.ts";
import { buildProcess } from "./process-object.ts";

buildProcess();
installGlobals();
requireInternal("internal/util/debuglog").initializeDebugEnv("");
/** For libraries that want to stop early: `globalThis[Symbol.for("bonfire.signal")]()` gives the running call's AbortSignal. */
Object.defineProperty(globalThis, Symbol.for("bonfire.signal"), { value: callSignal });

const GUEST = {
  run,
  runLarge,
  deliver,
  tick,
  collect,
  load,
  unload,
  cancel,
  assign,
  forget,
  warm,
  handle,
  openActor,
  mail,
  news,
} as const;

/** The function of this name, for the host to hold a reference to. */
export function entry(name: keyof typeof GUEST): unknown {
  return GUEST[name];
}
