/** What the guest is told about where it runs: the grants, the environment that they show, and the platform's constants. */
import { constants as fsConstants } from "node:fs";
import { arch, hostname, constants as osConstants, release } from "node:os";
import { getSystemErrorMap } from "node:util";
import { constants as zlibConstants } from "node:zlib";
import type { Grants } from "@bonfire/wire";
import type { Facts } from "../guest/bindings/platform.ts";

export function guestFacts(grants: Grants, memoryMb: number, workdir: string): Facts {
  const env: Record<string, string> = {};
  for (const name of grants.env ?? []) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return {
    grants,
    env,
    versions: Object.fromEntries(
      Object.entries(process.versions).map(([name, version]) => [name, String(version)]),
    ),
    arch: arch(),
    hostname: hostname(),
    release: release(),
    memoryBytes: memoryMb * 1024 * 1024,
    constants: {
      os: osConstants as unknown as Record<string, unknown>,
      fs: { ...fsConstants },
      zlib: { ...zlibConstants },
    },
    systemErrors: [...getSystemErrorMap()].map(([number, [name, message]]) => [number, name, message]),
    workdir,
  };
}
