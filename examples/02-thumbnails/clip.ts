/** A video of our own making, so that the demo needs no download: moving test pattern, changing colours, sound. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The path of an H.264 clip with sound, `seconds` long; made once, then kept in `directory`. */
export async function makeClip(directory: string, seconds: number): Promise<string> {
  if (!Number.isInteger(seconds) || seconds < 1)
    throw new RangeError(`--seconds takes a whole number from 1 up, got ${seconds}`);
  const path = join(directory, `clip-${seconds}s.mp4`);
  if (existsSync(path)) return path;
  await mkdir(directory, { recursive: true });
  console.log(`making a clip of ${seconds} s with ffmpeg's own generators …`);
  const picture = `testsrc2=size=1280x720:rate=30:duration=${seconds},hue=H=2*PI*t/${seconds}`;
  const sound = `aevalsrc=0.2*sin(2*PI*(220+4*t)*t):duration=${seconds}`;
  const unfinished = join(directory, "unfinished.mp4");
  const encode = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-g",
    "150",
    "-keyint_min",
    "150",
    "-sc_threshold",
    "0",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
  ];
  await promisify(execFile)("ffmpeg", [
    "-v",
    "error",
    "-y",
    "-f",
    "lavfi",
    "-i",
    picture,
    "-f",
    "lavfi",
    "-i",
    sound,
    ...encode,
    "-shortest",
    unfinished,
  ]);
  await rename(unfinished, path);
  return path;
}
