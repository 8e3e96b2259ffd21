/** Runs a script as a call in the isolate realm. */
import { TestRealm } from "../../executor-image/test/harness.ts";
import type { Script, Subtest } from "./suite-file.ts";

export async function inIsolate({ run, args }: Script): Promise<readonly Subtest[]> {
  await using realm = new TestRealm({ memoryMb: 256 });
  return (await realm.call(run, { args: [...args], budget: 60_000 })) as readonly Subtest[];
}
