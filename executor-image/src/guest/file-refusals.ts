/** What `node:fs` has and a sandbox does not give, each with what to do instead. */
import { BonfireError } from "@bonfire/wire";

/** A link could be changed between the check of a path and its use, and so lead out of the call's directory. */
const LINKS = "copy the file, as a link could lead out of the call's directory";
const WATCH = "only this call and its programs write here, so await what writes";
const OWNER = "the files of a call have one owner";
const PIECES = "read or write one buffer at a time";

const ADVICE: Readonly<Record<string, string>> = {
  symlink: LINKS,
  link: LINKS,
  watch: WATCH,
  watchFile: WATCH,
  unwatchFile: WATCH,
  chown: OWNER,
  lchown: OWNER,
  fchown: OWNER,
  lchmod: "use chmod",
  lutimes: "use utimes",
  readv: PIECES,
  writev: PIECES,
  glob: "use readdir with { recursive: true } and path.matchesGlob",
  statfs: "the disk is the executor's",
  openAsBlob: "use new Blob([await readFile(path)])",
};

const ONLY_CALLBACK = new Set(["watchFile", "unwatchFile", "readv", "writev", "fchown"]);
const WITHOUT_SYNC = new Set(["watch", "watchFile", "unwatchFile", "openAsBlob"]);

function refusal(name: string, advice: string): () => never {
  return () => {
    throw new BonfireError(
      "GRANT_MISSING",
      `Cannot use fs.${name} in a sandbox: ${advice}, or use realm: "process"`,
    );
  };
}

/** For `fs/promises`, where they reject. */
export function refusedPromises(): Record<string, () => Promise<never>> {
  const names = Object.entries(ADVICE).filter(([name]) => !ONLY_CALLBACK.has(name));
  return Object.fromEntries(
    names.map(([name, advice]) => [name, async () => refusal(`promises.${name}`, advice)()]),
  );
}

/** For `fs`, where they throw whether or not they take a callback. */
export function refusedFunctions(): Record<string, () => never> {
  return Object.fromEntries(
    Object.entries(ADVICE).flatMap(([name, advice]) => {
      const both = WITHOUT_SYNC.has(name) ? [name] : [name, `${name}Sync`];
      return both.map((one) => [one, refusal(one, advice)]);
    }),
  );
}
