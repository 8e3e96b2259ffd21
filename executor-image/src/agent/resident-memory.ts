import { readFileSync } from "node:fs";

/** Resident memory of a process in MB, or undefined where the system does not say (no /proc) or it is gone. */
export function residentMb(pid: number): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined; // the process has just ended, or this is no Linux: other limits hold there
  }
}
