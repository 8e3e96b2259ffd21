import type { Bootstrap } from "@bonfire/runtime/internal";
import { CellProcess } from "./cell-process.ts";

let cells = 0;

/** Starts a cell as the executor's bootstrap says; it serves nobody yet. */
export function startCell({ executor, nats, realm, grants, memoryMb }: Bootstrap): CellProcess {
  cells++;
  return new CellProcess({ node: `c-${executor.slice(2)}-${cells}`, nats, realm, grants, memoryMb });
}
