/** What `stat` and `readdir` give: Node's `Stats` and `Dirent`, made from the plain facts that the host sends. */

const FORMAT = 0o170000;
const FORMATS = {
  file: 0o100000,
  directory: 0o040000,
  link: 0o120000,
  fifo: 0o010000,
  socket: 0o140000,
  character: 0o020000,
  block: 0o060000,
};

const FIELDS = ["dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks"] as const;
const TIMES = ["atime", "mtime", "ctime", "birthtime"] as const;

/** The fields in order, then the times in milliseconds: what the host sends. */
export type StatFacts = readonly number[];

abstract class StatsBase {
  declare readonly mode: number | bigint;
  #is(format: number): boolean {
    return (Number(this.mode) & FORMAT) === format;
  }
  isFile(): boolean {
    return this.#is(FORMATS.file);
  }
  isDirectory(): boolean {
    return this.#is(FORMATS.directory);
  }
  isSymbolicLink(): boolean {
    return this.#is(FORMATS.link);
  }
  isFIFO(): boolean {
    return this.#is(FORMATS.fifo);
  }
  isSocket(): boolean {
    return this.#is(FORMATS.socket);
  }
  isCharacterDevice(): boolean {
    return this.#is(FORMATS.character);
  }
  isBlockDevice(): boolean {
    return this.#is(FORMATS.block);
  }
}

export class Stats extends StatsBase {
  constructor(facts: StatFacts) {
    super();
    const fields: Record<string, unknown> = {};
    FIELDS.forEach((name, index) => {
      fields[name] = facts[index];
    });
    TIMES.forEach((name, index) => {
      const milliseconds = facts[FIELDS.length + index]!;
      fields[`${name}Ms`] = milliseconds;
      fields[name] = new Date(Math.round(milliseconds));
    });
    Object.assign(this, fields);
  }
}

export class BigIntStats extends StatsBase {
  constructor(facts: StatFacts) {
    super();
    const fields: Record<string, unknown> = {};
    FIELDS.forEach((name, index) => {
      fields[name] = BigInt(facts[index]!);
    });
    TIMES.forEach((name, index) => {
      const milliseconds = facts[FIELDS.length + index]!;
      fields[`${name}Ms`] = BigInt(Math.floor(milliseconds));
      fields[`${name}Ns`] = BigInt(Math.floor(milliseconds * 1e6));
      fields[name] = new Date(Math.round(milliseconds));
    });
    Object.assign(this, fields);
  }
}

/** Name, directory it is in, and one of "f", "d", "l", "?": what the host sends for each entry. */
export type DirentFacts = readonly [name: string, parentPath: string, kind: string];

export class Dirent {
  readonly name: string;
  readonly parentPath: string;
  readonly #kind: string;
  constructor([name, parentPath, kind]: DirentFacts) {
    this.name = name;
    this.parentPath = parentPath;
    this.#kind = kind;
  }
  isFile(): boolean {
    return this.#kind === "f";
  }
  isDirectory(): boolean {
    return this.#kind === "d";
  }
  isSymbolicLink(): boolean {
    return this.#kind === "l";
  }
  isFIFO(): boolean {
    return false;
  }
  isSocket(): boolean {
    return false;
  }
  isCharacterDevice(): boolean {
    return false;
  }
  isBlockDevice(): boolean {
    return false;
  }
}
