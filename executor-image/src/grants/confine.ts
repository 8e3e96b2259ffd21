/**
 * Keeps file operations inside a call's directory. What counts is the real path, after every link, so neither `..`
 * nor a symlink that a program made leads out. A named program itself is not confined by this; the cell's user is.
 */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { BonfireError } from "@bonfire/wire";
import type { CallScope } from "./call-scope.ts";

/** Whether links in the last part of the path are followed (`stat`) or are what is meant (`lstat`, `unlink`). */
export type LastPart = "followed" | "itself";

/**
 * The real path of `path`, which need not exist, inside the scope's directory.
 * Throws GRANT_MISSING when it leads outside, and ENOENT when a directory on the way does not exist.
 */
export function confine(scope: CallScope, path: unknown, last: LastPart = "followed"): string {
  const { directory } = scope;
  if (directory === undefined || scope.ended) {
    throw new BonfireError(
      "CALL_ENDED",
      "Cannot use files as the call that opened them has ended: await every file operation",
    );
  }
  if (typeof path !== "string") throw new TypeError("Cannot use the path as it is no string");
  const wanted = resolve(directory, path);
  // Decided before anything is looked up, so that nobody learns which paths outside exist.
  if (!isInside(directory, wanted)) throw outside(wanted);
  const real = wanted === directory ? directory : realPath(wanted, last);
  if (!isInside(directory, real)) throw outside(wanted);
  return real;
}

function realPath(wanted: string, last: LastPart): string {
  if (last === "followed") {
    try {
      return realpathSync(wanted);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      // What does not exist yet is where its directory is, unless it is a link to nowhere.
      return danglingTarget(wanted);
    }
  }
  return join(realpathSync(dirname(wanted)), basename(wanted));
}

function danglingTarget(wanted: string): string {
  const place = join(realpathSync(dirname(wanted)), basename(wanted));
  return isDanglingLink(place) ? sep : place;
}

function isDanglingLink(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function isInside(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory + sep);
}

function outside(path: string): BonfireError {
  return new BonfireError(
    "GRANT_MISSING",
    `Cannot use ${JSON.stringify(path)} as a call's files are confined to its working directory: use a relative path`,
  );
}

/** As `confine`, for a prefix to which random letters are added: what comes of it must be inside too. */
export function confinePrefix(scope: CallScope, prefix: unknown): string {
  const real = confine(scope, prefix, "itself");
  if (real === scope.directory) throw outside(`${real}XXXXXX`);
  return real;
}
