import { readFileSync } from "node:fs";

const PAGE_BYTES = 4096;

/** Resident memory of a process in MB, or undefined where the system does not say (no /proc) or it is gone. */
export function residentMb(pid: number): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
    return (pages * PAGE_BYTES) / 2 ** 20;
  } catch {
    return undefined; // the process has just ended, or this is no Linux: other limits hold there
  }
}
