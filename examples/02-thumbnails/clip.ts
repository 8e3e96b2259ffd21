/** A video of our own making, so that the demo needs no download: a test card flying over changing colours, and sound. */
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
  console.log(`making a clip of ${seconds} s with ffmpeg's own generators (once; it is kept) …`);
  const sky = `gradients=size=960x540:rate=30:duration=${seconds}:speed=0.02:nb_colors=4:seed=11,hue=H=2*PI*t/${seconds}`;
  const card = `testsrc2=size=360x202:rate=30:duration=${seconds}`;
  const flight = "overlay=x='(W-w)/2*(1+sin(t))':y='(H-h)/2*(1+cos(t*0.7))'";
  const picture = `${sky}[sky];${card}[card];[sky][card]${flight}`;
  const sound = `aevalsrc=0.2*sin(2*PI*(220+4*t)*t):duration=${seconds}`;
  const unfinished = join(directory, "unfinished.mp4");
  const encode =
    "-c:v libx264 -preset superfast -g 150 -keyint_min 150 -sc_threshold 0 -pix_fmt yuv420p -c:a aac";
  const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  await promisify(execFile)("ffmpeg", [
    "-v",
    "error",
    "-y",
    ...inputs,
    ...encode.split(" "),
    "-shortest",
    unfinished,
  ]);
  await rename(unfinished, path);
  return path;
}
