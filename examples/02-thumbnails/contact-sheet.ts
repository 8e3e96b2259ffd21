import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const COLUMNS = 10;

/** All thumbnails on one PNG, ten to a row. Returns its path. */
export async function contactSheet(thumbnails: readonly Uint8Array[], directory: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), "contact-sheet-"));
  await Promise.all(
    thumbnails.map((png, index) => writeFile(join(work, `${String(index + 1).padStart(5, "0")}.png`), png)),
  );
  const rows = Math.ceil(thumbnails.length / COLUMNS);
  const tile = `scale=192:-2,tile=${COLUMNS}x${rows}:margin=8:padding=4:color=0x202020`;
  await mkdir(directory, { recursive: true });
  const sheet = join(directory, "contact-sheet.png");
  const inputs = ["-i", join(work, "%05d.png"), "-vf", tile, "-frames:v", "1"];
  await promisify(execFile)("ffmpeg", ["-v", "error", "-y", ...inputs, sheet]);
  await rm(work, { recursive: true });
  return sheet;
}
