/** Which calls of a batch may enter the isolate together. */
import { INBOX_BYTES } from "../guest/layout.ts";
import { similar } from "../sandbox/time-limit.ts";
import type { IncomingCall } from "./realm.ts";

/** Calls in one entry at most. */
const MOST_CALLS = 256;
/** A body that takes more than this enters alone, in a buffer of its own. */
export const LARGE_BODY = INBOX_BYTES >> 2;
/** How many of the calls may enter together: they fit the inbox, and their time limits are alike. */
export function groupSize(calls: readonly IncomingCall[]): number {
  const limit = limitOf(calls[0]!);
  let bytes = 0;
  let size = 0;
  for (const call of calls) {
    bytes += call.body.length + 20;
    if (
      size > 0 &&
      (size === MOST_CALLS ||
        bytes > INBOX_BYTES ||
        call.body.length > LARGE_BODY ||
        !similar(limitOf(call), limit))
    )
      break;
    size++;
    if (call.body.length > LARGE_BODY) break;
  }
  return size;
}

function limitOf({ budget }: IncomingCall): number {
  return budget > 0 ? budget : Number.POSITIVE_INFINITY;
}
