/**
 * A video into thumbnails, one for each second, on a pool of executors that grows from nothing and shrinks back.
 *
 *     make demo
 *     node --import @bonfire/loader main.ts [--seconds 60] [--max 4] [--skip-alone]
 *     node --import @bonfire/loader main.ts my-video.mp4
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { connect } from "@bonfire/runtime";
import { makeClip } from "./clip.ts";
import { contactSheet } from "./contact-sheet.ts";
import { Progress } from "./progress.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "60" },
    max: { type: "string", default: String(Math.max(2, availableParallelism())) },
    "skip-alone": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(
    "usage: main.ts [VIDEO] [--seconds N: length of the video that is made without VIDEO] [--max N: executors] [--skip-alone]",
  );
  process.exit(0);
}

const OUT = join(import.meta.dirname, "out");
const EVERY = 1; // seconds of video for each thumbnail
const ffmpeg = promisify(execFile);

const clip = positionals[0] ?? (await makeClip(OUT, Number(values.seconds)));
const parts = await split(clip);
const megabytes = parts.reduce((sum, part) => sum + part.length, 0) / 1e6;
console.log(`${clip}: ${megabytes.toFixed(1)} MB in ${parts.length} parts of about 5 s\n`);

await using fire = await connect(); // no NATS_URL: it starts a private nats-server
await using pool = await fire.pool("thumbnails", {
  min: 0,
  max: Number(values.max),
  idleAfter: "1s",
  grants: { programs: ["ffmpeg"], files: true },
});

const progress = new Progress(parts.length);
pool.on("fleet", (executors) => progress.fleet(executors));

// What follows is written as if it ran here. It runs in a sandbox in another process, or on another machine: `part`,
// `EVERY`, the function below and the imports of this file travel by themselves, and the thumbnails come back.
const perPart = pool.map(
  parts,
  async (part) => {
    await writeFile("part.mp4", part);
    await promisify(execFile)("ffmpeg", thumbnailArguments(EVERY));
    const names = (await readdir(".")).filter((name) => name.endsWith(".png")).sort();
    return Promise.all(names.map((name) => readFile(name)));
  },
  { onProgress: ({ done }) => progress.done(done) },
);
const thumbnails = (await Array.fromAsync(perPart)).flat();
const pooled = progress.finish();

const sheet = await contactSheet(thumbnails, OUT);
console.log(
  `\n${thumbnails.length} thumbnails in ${pooled.toFixed(1)} s on at most ${progress.most} executors`,
);
if (!values["skip-alone"]) {
  const alone = await inThisProcess();
  console.log(`the same, one part after the other in this process alone: ${alone.toFixed(1)} s`);
  console.log(
    `speed-up: ${(alone / pooled).toFixed(2)} × (each ffmpeg on one thread, ${availableParallelism()} cores, boot included)`,
  );
}
console.log(`contact sheet: ${sheet}`);

await progress.untilEmpty();
console.log(`\nexecutors over time: ${progress.timeline()}`);
console.log("the pool is back at zero");

/** One thread each, so that the comparison is of executors, not of ffmpeg's own threads. */
function thumbnailArguments(every: number): string[] {
  // The most telling of the frames of each thumbnail's time, not just the first.
  const filter = `thumbnail=${every * 30},scale=320:-2`;
  const one = "-threads 1";
  return `-v error ${one} -filter_threads 1 -i part.mp4 -vf ${filter} -fps_mode vfr ${one} %03d.png`.split(
    " ",
  );
}

async function inThisProcess(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "thumbnails-"));
  const start = performance.now();
  for (const part of parts) {
    await writeFile(join(directory, "part.mp4"), part);
    await ffmpeg("ffmpeg", ["-y", ...thumbnailArguments(EVERY)], { cwd: directory });
    const names = (await readdir(directory)).filter((name) => name.endsWith(".png")).sort();
    await Promise.all(names.map((name) => readFile(join(directory, name))));
  }
  const seconds = (performance.now() - start) / 1_000;
  await rm(directory, { recursive: true });
  return seconds;
}

/** The video in parts of about 5 s, cut at key frames. */
async function split(video: string): Promise<Uint8Array[]> {
  const directory = await mkdtemp(join(tmpdir(), "thumbnails-"));
  const cut = ["-c", "copy", "-f", "segment", "-segment_time", "5", "-reset_timestamps", "1"];
  await ffmpeg("ffmpeg", ["-v", "error", "-i", video, ...cut, join(directory, "%04d.mp4")]);
  const names = (await readdir(directory)).sort();
  const parts = await Promise.all(names.map((name) => readFile(join(directory, name))));
  await rm(directory, { recursive: true });
  return parts;
}
