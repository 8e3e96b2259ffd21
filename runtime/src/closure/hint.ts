/** Tells once that a program would be better off with the loader. */
let told = false;

export function hintLoader(): void {
  if (told) return;
  told = true;
  if (process.env.BONFIRE_HINTS === "0") return;
  process.stderr.write(
    "bonfire: reading closures through the inspector; `node --import @bonfire/loader`, or the plugin for your bundler, is faster and more exact (BONFIRE_HINTS=0 silences this)\n",
  );
}
